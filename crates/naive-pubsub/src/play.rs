//! The play: ten scenes with one manager. Each scene checks whether its fault is really there before it
//! reports it: fix a fault in `pubsub_manager.rs`, run again, and the verdict counts one fewer.

use crate::stage::Stage;
use crate::{Verdict, redis, users};
use std::io::{self, Write};
use std::time::Duration;

/// How many users the stock of scene 8 has.
const CROWD: usize = 1_000;

/// The play, and where it is printed.
pub struct Play<W> {
    stage: Stage<W>,
}

impl<W: Write> Play<W> {
    /// A play that prints to `out`. It makes the manager, so it must be called in a tokio runtime.
    pub fn new(out: W) -> Self {
        Self {
            stage: Stage::new(out),
        }
    }

    /// Plays all scenes, with a pause of `every` before each but the first.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub async fn run(&mut self, every: Duration) -> io::Result<()> {
        let stage = &mut self.stage;
        stage.title("naive-pubsub: one manager between Redis and the users, as first written")?;

        stage.open_scene();
        the_connection_is_never_awaited(stage)?;
        redis::connected().await;
        the_next_price_arrives(stage)?;
        let scenes = [
            pubsub_is_not_a_queue,
            a_user_subscribes_twice,
            a_message_is_not_a_price,
            a_user_unsubscribes_twice,
            a_stock_without_users_stays,
            a_stock_without_users_is_unsubscribed,
            unsubscribing_scans_all_users,
            the_connection_is_lost,
            the_manager_has_disconnected,
        ];
        for scene in scenes {
            tokio::time::sleep(every).await;
            stage.open_scene();
            scene(stage)?;
        }
        Ok(())
    }

    /// Prints what to try next and, as the last line, the verdict.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn end(self) -> io::Result<Verdict> {
        self.stage.end()
    }
}

fn the_connection_is_never_awaited(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.subscribe("asha", "APPL")?;
    let is_received = stage.publish("APPL", "100")?;
    stage.fault(
        !is_received,
        "the connection is not awaited: asha is subscribed and gets nothing",
    )
}

fn the_next_price_arrives(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.row("redis", "the connection is up", "SUBSCRIBE APPL", &["APPL"])?;
    stage.publish("APPL", "100.1")?;
    stage.sent_to("asha", "APPL")
}

fn pubsub_is_not_a_queue(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.publish("TSLA", "250")?;
    stage.subscribe("ben", "TSLA")?;
    stage.sent_to("ben", "TSLA")?;
    stage.note(
        "no fault, no queue",
        "later users miss it; pub/sub keeps nothing",
    )
}

fn a_user_subscribes_twice(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.subscribe("asha", "APPL")?;
    stage.publish("APPL", "100.2")?;
    stage.sent_to("asha", "APPL")?;
    let copies = users::sent_to("asha", "APPL")
        .iter()
        .filter(|price| *price == "100.2")
        .count();
    stage.verdict.twice += copies.saturating_sub(1);
    stage.fault(
        copies > 1,
        "a user who subscribes twice is sent every price twice",
    )
}

fn a_message_is_not_a_price(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.subscribe("finn", "IBM")?;
    stage.publish("IBM", "free lunch")?;
    stage.sent_to("finn", "IBM")?;
    let relayed = users::sent_to("finn", "IBM").len();
    stage.verdict.invalid_messages += relayed;
    stage.fault(
        relayed > 0,
        "each message is relayed, without a check that it is a price",
    )
}

fn a_user_unsubscribes_twice(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.unsubscribe("ben", "TSLA")?;
    stage.unsubscribe("ben", "TSLA")?;
    let commands = redis::commands("TSLA");
    let sent = commands
        .iter()
        .filter(|command| command.starts_with("UNSUBSCRIBE"))
        .count();
    stage.row(
        "redis",
        "counts",
        &format!("{sent} UNSUBSCRIBE TSLA"),
        &["TSLA"],
    )?;
    stage.fault(
        sent > 1,
        "two calls send two UNSUBSCRIBEs, the second without a user",
    )
}

fn a_stock_without_users_stays(stage: &mut Stage<impl Write>) -> io::Result<()> {
    for stock in ["GOOG", "META"] {
        stage.subscribe("dora", stock)?;
        stage.unsubscribe("dora", stock)?;
    }
    stage.row(
        "no user",
        "has these stocks",
        "entries stay",
        &["GOOG", "META"],
    )?;
    let stays = stage.manager.subscriptions().contains_key("GOOG");
    stage.fault(
        stays,
        "a stock without users stays in the map until the process ends",
    )
}

fn a_stock_without_users_is_unsubscribed(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.unsubscribe("cleo", "NFLX")?;
    stage.subscribe("evan", "NFLX")?;
    let lost = !stage.publish("NFLX", "600")?;
    stage.verdict.lost_stocks += usize::from(lost);
    stage.fault(
        lost,
        "unsubscribing from an unknown stock makes it undefined",
    )
}

fn unsubscribing_scans_all_users(stage: &mut Stage<impl Write>) -> io::Result<()> {
    for n in 1..=CROWD {
        stage.manager.user_subscribe(&format!("u{n}"), "MSFT");
    }
    stage.row(
        "a crowd",
        "subscribes to MSFT",
        "sent: subscribed",
        &["MSFT"],
    )?;
    let looked_at = stage.manager.user_unsubscribe("u1", "MSFT");
    stage.row(
        "u1",
        "unsubscribes from MSFT",
        &format!("scans {looked_at} users"),
        &["MSFT"],
    )?;
    stage.fault(
        looked_at == CROWD,
        "one unsubscribe costs a scan of all users of the stock",
    )
}

fn the_connection_is_lost(stage: &mut Stage<impl Write>) -> io::Result<()> {
    redis::restart();
    stage.row("redis", "restarts", "client reconnects", &["APPL"])?;
    let lost = !stage.publish("APPL", "100.3")?;
    let numsub = redis::numsub("APPL").to_string();
    stage.row("redis", "PUBSUB NUMSUB APPL", &numsub, &["APPL"])?;
    stage.fault(lost, "after a lost connection nothing is subscribed again")
}

fn the_manager_has_disconnected(stage: &mut Stage<impl Write>) -> io::Result<()> {
    stage.manager.disconnect();
    stage.row("server", "disconnects", "client has quit", &["AMZN"])?;
    stage.subscribe("gita", "AMZN")?;
    let lost = !stage.publish("AMZN", "180")?;
    stage.fault(
        lost,
        "after disconnect users are still accepted; the error is discarded",
    )
}
