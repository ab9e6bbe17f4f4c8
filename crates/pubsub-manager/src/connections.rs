//! The manager's task: one connection to the broker after the other, and the fan-out at the same time.
//!
//! It is one task, so that a price costs one wake-up however many users it has.

use crate::{
    broker::{Broker, BrokerConnection, BrokerError, Events, OnMessage, PROBE_TIMEOUT},
    subscriber::Subscriber,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use hub::Hub;
use program::within;
use std::{future::Future, time::Duration};
use tokio::{select, time::sleep};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may deliver nothing before it is probed.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(3);
/// Pauses double from the first to the longest. Jitter at most doubles each, so that fifty servers
/// do not reconnect at the same moment.
const RECONNECT_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(1))
    .with_jitter()
    .without_max_times();

/// Relays until the hub is closed; then sends what waits, and `stale`.
pub(crate) async fn run(hub: &Hub, subscriptions: impl Future<Output = ()>) {
    select! {
        biased;
        () = hub.closed() => {}
        () = hub.fan_out() => {}
        () = subscriptions => {}
    }
    hub.go_stale("the manager is disconnected");
    hub.flush().await;
}

/// Keeps one connection to the broker, and every wanted stock subscribed on it.
pub(crate) async fn subscribe<B: Broker>(
    hub: &Hub,
    broker: &B,
    on_message: &OnMessage,
    unsubscribe_delay: Duration,
) {
    let mut reconnect = RECONNECT_PAUSES.build();
    loop {
        let events = Events::new(on_message);
        let connected = within(CONNECT_TIMEOUT, broker.connect(events.clone())).await;
        let error = match connected {
            Ok(Ok(connection)) => {
                let wanted = hub.forget_unwanted();
                let mut subscriber =
                    Subscriber::new(hub, hub.dirty(), &connection, wanted, unsubscribe_delay);
                let lost = select! {
                    biased;
                    lost = events.until_lost() => lost,
                    lost = until_silent(&connection, &events) => lost,
                    // The pauses are short again once a message has arrived, not once a command was
                    // confirmed: otherwise a proxy that confirms and delivers nothing would get twenty
                    // connections a second.
                    Err(lost) = subscriber.run(|| {
                        reconnect = RECONNECT_PAUSES.build();
                        hub.go_live();
                    }) => lost,
                };
                hub.count_reconnect();
                // Its task may still hand on a price that it has received. After the last price that is
                // read over the next connection, that one would be old.
                events.lost("the manager has given it up");
                lost
            }
            Ok(Err(error)) => error,
            Err(_) => BrokerError::Lost("the broker does not answer".into()),
        };
        hub.go_stale(&error.to_string());
        sleep(reconnect.next().expect("the pauses have no end")).await;
    }
}

/// Probes a connection while it is idle, and returns when a probe does not come back.
///
/// After a failover a connection can be alive and deaf: it answers PING, and delivers nothing.
pub(crate) async fn until_silent(
    connection: &impl BrokerConnection,
    events: &Events,
) -> BrokerError {
    loop {
        let before = events.messages();
        sleep(IDLE_BEFORE_PROBE).await;
        // A connection that delivers needs no probe: each probe costs the broker a connection.
        if events.messages() > before {
            continue;
        }
        let probe = within(PROBE_TIMEOUT, connection.probe()).await;
        // Compared once more: a probe also fails if the broker has as many clients as it takes, while
        // prices begin to arrive over this connection. Their users lose nothing, and must not be sent
        // `stale`.
        if !matches!(probe, Ok(Ok(()))) && events.messages() == before {
            let reason = "the connection is silent: our own probe did not come back";
            return BrokerError::Lost(reason.into());
        }
    }
}
