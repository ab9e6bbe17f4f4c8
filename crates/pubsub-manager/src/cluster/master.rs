//! The connection to one master of a cluster.

mod pushes;
mod stored;

use super::{Change, Changes, Cluster};
use crate::{
    Stock,
    broker::{
        BrokerConnection, BrokerError, Events, OnMessage,
        redis::{is_forbidden, is_refusal, log_refusal, not_connected},
    },
    connections::{CONNECT_TIMEOUT, until_silent},
};
use program::within;
use pushes::Pushes;
use redis::{AsyncConnectionConfig, RedisError, Value, aio::MultiplexedConnection};
use redis_client::{NodeAddress, RedisUrl, is_redirected, slot_of};
use std::{convert::Infallible, sync::Arc};
use tokio::select;

/// A connection to a master, which all of its slots share. Subscribes and unsubscribes go over it, and
/// their answers are not believed: when a slot is moved, the crate takes the push that reports it for
/// the answer to the oldest command (`examples/stolen_reply.rs`). What the pushes themselves say is true. Last
/// prices are read over it, and an answer to a read has to prove that it is one.
pub(super) struct Master {
    url: RedisUrl,
    cluster: Arc<Cluster>,
    pushes: Arc<Pushes>,
    connection: MultiplexedConnection,
}

/// Connects to a master, reports it once its first probe has come back, and returns when it is lost.
pub(super) async fn run(
    cluster: &Arc<Cluster>,
    address: &NodeAddress,
    on_message: &OnMessage,
    changes: &Changes,
) -> BrokerError {
    let connecting = async {
        let master = Master::connect(cluster, address, on_message, changes).await?;
        master.probe().await?;
        Ok(Arc::new(master))
    };
    let master = match within(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(master)) => master,
        Ok(Err(error)) => return error,
        Err(_) => return BrokerError::Lost(format!("the master {address} does not answer")),
    };
    let _ = changes.send(Change::Connected(Arc::clone(&master)));
    let why = select! {
        biased;
        why = master.until_lost() => why,
        why = until_silent(&*master, &master.pushes.events) => why,
    };
    // The subscribers of its slots wait for this.
    master.lose(&why.to_string());
    why
}

impl Master {
    async fn connect(
        cluster: &Arc<Cluster>,
        address: &NodeAddress,
        on_message: &OnMessage,
        changes: &Changes,
    ) -> Result<Self, BrokerError> {
        let events = Events::new(on_message);
        let (cluster, url) = (Arc::clone(cluster), cluster.redis.node(address));
        let prefix = Arc::clone(&cluster.prefix);
        let pushes = Arc::new(Pushes::new(
            address.clone(),
            prefix,
            events,
            changes.clone(),
        ));
        let receiver = Arc::clone(&pushes);
        let config = AsyncConnectionConfig::new().set_push_sender(move |push| {
            receiver.receive(&push);
            Ok::<(), Infallible>(())
        });
        let connected = url.connect(config).await;
        let connection = connected.map_err(|error| not_connected(&url, error))?;
        Ok(Self {
            url,
            cluster,
            pushes,
            connection,
        })
    }

    pub(super) fn address(&self) -> &NodeAddress {
        &self.pushes.address
    }

    /// How many channels are subscribed over it.
    pub(super) fn channels(&self) -> usize {
        self.pushes.subscribed.lock().len()
    }

    pub(super) async fn until_lost(&self) -> BrokerError {
        self.pushes.events.until_lost().await
    }

    /// Ends its use: nothing that it delivers from now on reaches a user.
    pub(super) fn lose(&self, why: &str) {
        self.pushes.events.lost(why);
    }

    fn names(&self, stocks: &[Stock]) -> Vec<String> {
        let channel = |stock| self.cluster.channel(stock);
        stocks.iter().map(channel).collect()
    }

    /// Sends one command for each channel: a command with two has two answers, and the crate expects one
    /// and takes the second for the answer to the next command. Returns when all of the channels are
    /// subscribed.
    async fn ssubscribe(&self, channels: &[String]) -> Result<(), RedisError> {
        self.command("SSUBSCRIBE", channels).await?;
        self.pushes.until_subscribed(channels).await;
        Ok(())
    }

    async fn sunsubscribe(&self, channels: &[String]) -> Result<(), RedisError> {
        // First, so that the pushes that confirm it do not look like those of a slot that is moved.
        self.pushes.forget(channels);
        self.command("SUNSUBSCRIBE", channels).await
    }

    async fn command(&self, name: &str, channels: &[String]) -> Result<(), RedisError> {
        let mut commands = redis::pipe();
        for channel in channels {
            commands.cmd(name).arg(channel);
        }
        commands.ignore_errors();
        let mut connection = self.connection.clone();
        let answers: Vec<Result<Value, RedisError>> = commands.query_async(&mut connection).await?;
        answers
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(()), Err)
    }

    /// A new channel in one of the master's slots, none if it has lost all of them. Stocks have no lower
    /// case, so it cannot be a stock's.
    fn probe_channel(&self) -> Option<String> {
        let topology = self.cluster.topology();
        let mut masters = topology.masters().into_iter();
        masters.find(|master| *master == self.address())?;
        loop {
            let channel = format!("{}probe.{:016x}", self.cluster.prefix, fastrand::u64(..));
            if topology.master_of(slot_of(&channel)) == Some(self.address()) {
                return Some(channel);
            }
        }
    }

    /// Publishes over a connection that is made for it, as for a single Redis.
    async fn publish_probe(&self, channel: &str, number: u64) -> Result<(), RedisError> {
        self.ssubscribe(&[channel.to_owned()]).await?;
        let mut connection = match self.url.connect(AsyncConnectionConfig::new()).await {
            Err(error) if is_refusal(&error) => self.connection.clone(),
            connected => connected?,
        };
        let mut publish = redis::cmd("SPUBLISH");
        publish.arg(channel).arg(number);
        publish.query_async(&mut connection).await
    }
}

impl BrokerConnection for Master {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        match self.ssubscribe(&self.names(stocks)).await {
            Ok(()) => Ok(()),
            // The subscriber of this slot ends, and the connection stays.
            Err(error) if is_redirected(&error) => Err(BrokerError::Lost(error.to_string())),
            Err(error) => {
                // Each channel has a command of its own, so the others are subscribed.
                let _ = self.sunsubscribe(&self.names(stocks)).await;
                Err(error.into())
            }
        }
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        Ok(self.sunsubscribe(&self.names(stocks)).await?)
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        let Some(channel) = self.probe_channel() else {
            return Ok(());
        };
        let number = self.pushes.probes.next();
        match self.publish_probe(&channel, number).await {
            Ok(()) => self.pushes.probes.delivered(number).await,
            Err(error) if is_forbidden(&error) => log_refusal(&error),
            // The slot is moved in this moment: the master answers, and the next probe has another slot.
            Err(error) if is_redirected(&error) => {}
            Err(error) => return Err(not_connected(&self.url, error)),
        }
        let _ = self.sunsubscribe(&[channel]).await;
        Ok(())
    }
}
