//! Makes what is subscribed equal to what the users want: one loop, which compares and asks.
//!
//! It is level-triggered. It is not told "subscribe now", but where to look; then it compares, and
//! asks the broker for the difference. A join during a leave, a leave during a reconnect, two joins
//! at once: each is a difference that is still there when the answer has come.

use crate::{
    Stock,
    broker::{BrokerConnection, BrokerError, PROBE_TIMEOUT},
};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use hub::{Dirty, Hub};
use program::{running_for, within};
use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    future::Future,
    time::Duration,
};
use tokio::{
    select,
    time::{Instant, sleep_until},
};

/// The most channels in one command: a hundred thousand joins must not be one line to the broker.
const BATCH: usize = 512;
/// How long the broker may take to answer before the connection counts as lost.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the broker may take to confirm a channel before its users are sent `stale`.
const STALE_AFTER: Duration = Duration::from_millis(500);
/// The pauses before a refused channel is asked for again.
const REFUSED_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(30))
    .with_jitter()
    .without_max_times();

/// What the broker has said on one connection, and what to ask it next. All of it belongs to the
/// manager's task, so none of it needs a lock; what users change is in the hub.
pub(crate) struct Subscriber<'a, C> {
    hub: &'a Hub,
    /// Where to look: the hub's own, as long as one connection serves all stocks.
    dirty: &'a Dirty,
    connection: &'a C,
    leave_delay: Duration,
    /// What the broker has confirmed, and was not asked to unsubscribe from since.
    subscribed: HashSet<Stock>,
    /// Stocks that may be wanted and not subscribed, or the other way round, and when to compare.
    due: HashMap<Stock, Instant>,
    /// Halves of batches that were refused, and since when their stocks have been asked for.
    refused_batches: Vec<(Instant, Vec<Stock>)>,
    /// Channels that were refused by themselves, and the pauses before they are asked for again.
    refused: HashMap<Stock, ExponentialBackoff>,
}

impl<'a, C: BrokerConnection> Subscriber<'a, C> {
    /// On a new connection nothing is subscribed, and every stock is due.
    pub(crate) fn new(
        hub: &'a Hub,
        dirty: &'a Dirty,
        connection: &'a C,
        leave_delay: Duration,
    ) -> Self {
        dirty.take();
        let now = Instant::now();
        let wanted = hub.forget_unwanted().into_iter();
        Self {
            hub,
            dirty,
            connection,
            leave_delay,
            subscribed: HashSet::new(),
            due: wanted.map(|stock| (stock, now)).collect(),
            refused_batches: Vec::new(),
            refused: HashMap::new(),
        }
    }

    /// Runs until the connection is lost; calls `delivers` when it was first seen to deliver.
    pub(crate) async fn run(&mut self, delivers: impl FnOnce()) -> Result<Infallible, BrokerError> {
        let mut delivers = Some(delivers);
        loop {
            let (join, leave) = self.compare();
            let more = join.len() == BATCH || leave.len() == BATCH;
            // Joins first: a user waits for them, and nobody waits for a leave.
            self.subscribe(Instant::now(), join).await?;
            // Then one part of a refused batch. One forbidden channel in a batch of 512 takes 19
            // commands to find; joins that come meanwhile must not wait behind all of them.
            if let Some((asked_at, part)) = self.refused_batches.pop() {
                self.subscribe(asked_at, part).await?;
            }
            self.unsubscribe(leave).await?;
            if more || !self.refused_batches.is_empty() {
                continue;
            }
            // Everything that was wanted is confirmed or refused. That proves that the broker
            // answers, not that it delivers: a proxy may confirm and never send a message. So the
            // feed is live when a message of our own has come back.
            if let Some(delivers) = delivers.take() {
                let probe = within(PROBE_TIMEOUT, self.connection.probe()).await;
                probe.unwrap_or_else(|_| {
                    Err(BrokerError::Lost(
                        "what we publish does not come back".into(),
                    ))
                })?;
                delivers();
                self.hub.go_live();
            }
            let next = self.due.values().min().copied();
            select! {
                () = self.dirty.changed() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// What to subscribe to and what to leave now; at most a batch of each.
    fn compare(&mut self) -> (Vec<Stock>, Vec<Stock>) {
        let now = Instant::now();
        for stock in self.dirty.take() {
            match (self.hub.is_wanted(&stock), self.subscribed.contains(&stock)) {
                // The pause goes on: a user that joins and leaves again and again must not make the
                // broker refuse more often.
                (_, false) if self.refused.contains_key(&stock) => {}
                // Due also if it is not wanted: a user that came and left before we looked leaves a
                // stock behind in the hub, and the comparison below is what forgets it.
                (_, false) => drop(self.due.insert(stock, now)),
                // A user came back before the leave was due: it must not happen now.
                (true, true) => drop(self.due.remove(&stock)),
                (false, true) => drop(self.due.insert(stock, now + self.leave_delay)),
            }
        }
        let (mut join, mut leave) = (Vec::new(), Vec::new());
        for (stock, _) in self.due.extract_if(|_, at| *at <= now) {
            // Asked again, because most stocks became due some time ago.
            match (self.hub.is_wanted(&stock), self.subscribed.contains(&stock)) {
                (true, false) => join.push(stock),
                (false, true) => leave.push(stock),
                (true, true) => {}
                // Nobody wants it and nothing is subscribed. Kept, each name that a user ever made
                // up would take memory for as long as the server runs.
                (false, false) => {
                    self.refused.remove(&stock);
                    self.hub.forget(&stock);
                }
            }
            // One command is full. What was not looked at stays due, and `run` comes back for it
            // before it waits for anything.
            if join.len() == BATCH || leave.len() == BATCH {
                break;
            }
        }
        (join, leave)
    }

    /// Subscribes to these, which were wanted since then. A broker refuses a command as a whole and
    /// does not say for which channel: each half is asked for by itself, until one channel is left.
    async fn subscribe(
        &mut self,
        asked_at: Instant,
        mut stocks: Vec<Stock>,
    ) -> Result<(), BrokerError> {
        if stocks.is_empty() {
            return Ok(());
        }
        // Half of a refused batch has waited for the other commands of the search already.
        if asked_at.elapsed() >= STALE_AFTER {
            stocks.iter().for_each(|stock| self.hub.unconfirmed(*stock));
        }
        let subscribed = self.connection.subscribe(&stocks);
        match self.answer(&stocks, subscribed).await {
            Ok(()) => stocks.into_iter().for_each(|stock| self.confirmed(stock)),
            Err(BrokerError::Refused(reason)) if stocks.len() == 1 => {
                self.was_refused(stocks[0], &reason);
            }
            Err(BrokerError::Refused(_)) => {
                let second = stocks.split_off(stocks.len() / 2);
                let halves = [(asked_at, second), (asked_at, stocks)];
                self.refused_batches.extend(halves);
            }
            Err(lost) => return Err(lost),
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, stocks: Vec<Stock>) -> Result<(), BrokerError> {
        if stocks.is_empty() {
            return Ok(());
        }
        // Removed when it is asked and not when it is answered: a user that comes in between waits
        // for a channel that will not be confirmed, and `answer` has to tell it so.
        for stock in &stocks {
            self.subscribed.remove(stock);
        }
        let answer = self.answer(&[], self.connection.unsubscribe(&stocks)).await;
        // A broker that refuses to be left keeps sending: only a new connection ends that.
        answer.map_err(|error| BrokerError::Lost(error.to_string()))?;
        for stock in stocks {
            self.hub.left(stock);
            // A user may have come while the broker was asked. node-redis and redis-py (issue 764)
            // lost such a user's subscription: its join had found the channel still subscribed.
            self.due.insert(stock, Instant::now());
        }
        Ok(())
    }

    /// Waits for the broker's answer, and tells users when it is late.
    async fn answer(
        &self,
        asked: &[Stock],
        answer: impl Future<Output = Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let late = async {
            // A stock whose user comes while this is unanswered is told at the second tick that it
            // sees, a second after it came at the latest: at the first one it may have waited for a
            // moment only, and an answer that comes on time makes no user stale.
            let mut came: Vec<Stock> = Vec::new();
            loop {
                running_for(STALE_AFTER).await;
                let late = asked.iter().chain(&came);
                // A stock whose last user left is marked as well, and that one is confirmed.
                late.filter(|stock| !self.subscribed.contains(*stock))
                    .for_each(|stock| self.hub.unconfirmed(*stock));
                came = self.dirty.peek();
            }
        };
        select! {
            biased;
            // A command whose answer is given up takes effect later all the same: so the whole
            // connection is given up with it.
            answer = within(REPLY_TIMEOUT, answer) => answer.unwrap_or_else(|_| {
                Err(BrokerError::Lost("the broker does not answer a command".into()))
            }),
            // A loop without an end, so there is no answer to give here.
            never = late => never,
        }
    }

    fn confirmed(&mut self, stock: Stock) {
        self.subscribed.insert(stock);
        self.refused.remove(&stock);
        self.hub.confirmed(stock);
        // Its last user may have left while the refused batch around it was halved. `compare` looked at
        // it then, found nothing to leave, and is not told of it again.
        if !self.hub.is_wanted(&stock) {
            self.due.insert(stock, Instant::now() + self.leave_delay);
        }
    }

    fn was_refused(&mut self, stock: Stock, reason: &str) {
        let first = || REFUSED_PAUSES.build();
        let pauses = self.refused.entry(stock).or_insert_with(first);
        let pause = pauses.next().expect("the pauses have no end");
        self.due.insert(stock, Instant::now() + pause);
        self.hub.refused(stock, reason);
    }
}
