//! Lesson 12a: what the server sends to the broker when a page is reloaded, and when the broker is restarted
//! in between.

use anyhow::{Context, Result};
use pubsub_manager::{
    BrokerAddress, Connection, HubEvent, HubOptions, InProcess, Options, PubSubManager, UserId,
};
use std::{
    io::{Write, stdout},
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::time::sleep;

/// How long a page is away while it is reloaded: half of the time for which the server keeps a channel.
const RELOAD: Duration = Duration::from_millis(500);
/// Long enough for all that follows from a step.
const PAUSE: Duration = Duration::from_millis(1_500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    reload(&mut stdout()).await
}

pub(crate) async fn reload(out: &mut impl Write) -> Result<()> {
    let (sender, events) = mpsc::channel();
    let broker = InProcess::default();
    let manager = PubSubManager::start(Options {
        broker: BrokerAddress::InProcess(broker.clone()),
        hub: HubOptions {
            on_event: Some(Arc::new(move |event: &HubEvent| {
                drop(sender.send(event.clone()));
            })),
            ..HubOptions::default()
        },
        ..Options::default()
    })?;
    // A page that is loaded makes a new connection, so to the server it is a new user.
    let opened = |id| -> Result<Connection<_>> {
        let user = manager.connect(UserId(id), |_: &[u8]| {})?;
        manager.user_subscribe(&user, "APPL".parse()?)?;
        Ok(user)
    };
    let mut sent = Sent::default();

    let user = opened(1)?;
    sleep(PAUSE).await;
    sent.show(out, "a page is opened", &events)?;

    drop(user);
    sleep(RELOAD).await;
    let user = opened(2)?;
    sleep(PAUSE).await;
    sent.show(out, "it is reloaded, and is back after 0.5 s", &events)?;

    drop(user);
    broker.restart();
    sleep(RELOAD).await;
    let user = opened(3)?;
    sleep(PAUSE).await;
    sent.show(
        out,
        "it is reloaded, and the broker is restarted in between",
        &events,
    )?;

    drop(user);
    sleep(PAUSE).await;
    sent.show(out, "it is closed", &events)?;

    manager.disconnect().await;
    let Sent {
        subscribes,
        unsubscribes,
    } = sent;
    writeln!(
        out,
        "verdict: 2 reloads, 1 restart of the broker: SUBSCRIBE {subscribes}, UNSUBSCRIBE {unsubscribes}"
    )
    .context("cannot write to stdout")
}

/// The commands that the broker has confirmed.
#[derive(Default)]
struct Sent {
    subscribes: u32,
    unsubscribes: u32,
}

impl Sent {
    /// Prints a step, and what has happened since the step before.
    fn show(
        &mut self,
        out: &mut impl Write,
        step: &str,
        events: &mpsc::Receiver<HubEvent>,
    ) -> Result<()> {
        writeln!(out, "{step}")?;
        for event in events.try_iter() {
            match event {
                HubEvent::Subscribed { .. } => self.subscribes += 1,
                HubEvent::Unsubscribed { .. } => self.unsubscribes += 1,
                _ => {}
            }
            writeln!(out, "    {event}")?;
        }
        Ok(())
    }
}
