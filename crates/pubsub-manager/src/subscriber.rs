//! Makes what is subscribed equal to what the users want: one loop, which compares and asks.
//!
//! It is level-triggered. Nothing tells it "subscribe now", only which stocks to compare; it asks the
//! broker for the difference. A user subscribes during an unsubscribe, another unsubscribes during a
//! reconnect, two subscribe at the same moment: each is a difference that is still there when the
//! broker has answered.

use crate::{
    Stock,
    broker::{BrokerConnection, BrokerError, PROBE_TIMEOUT},
    last_prices,
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

/// The most channels in one command: a hundred thousand of them must not be one line to the broker.
const BATCH: usize = 512;
/// How long the broker may take to answer before the connection counts as lost.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the broker may take to confirm a channel before its users are sent `stale`.
const STALE_AFTER: Duration = Duration::from_millis(500);
/// The pauses before a refused channel is asked for again.
const REFUSED_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(30))
    .with_jitter()
    .without_max_times();

/// What the broker has answered on one connection, and what to ask it next. Only the manager's task has
/// it, so none of it needs a lock; what users change is in the hub.
pub(crate) struct Subscriber<'a, C> {
    hub: &'a Hub,
    /// Which stocks to compare: the hub's own set, because one connection serves all stocks.
    dirty: &'a Dirty,
    connection: &'a C,
    unsubscribe_delay: Duration,
    /// What the broker has confirmed and was not asked to unsubscribe from since.
    pub(crate) subscribed: HashSet<Stock>,
    /// Stocks that may be wanted and not subscribed, or the other way round, and when to compare.
    pub(crate) due: HashMap<Stock, Instant>,
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
        wanted: impl IntoIterator<Item = Stock>,
        unsubscribe_delay: Duration,
    ) -> Self {
        let now = Instant::now();
        let wanted = wanted.into_iter();
        Self {
            hub,
            dirty,
            connection,
            unsubscribe_delay,
            subscribed: HashSet::new(),
            due: wanted.map(|stock| (stock, now)).collect(),
            refused_batches: Vec::new(),
            refused: HashMap::new(),
        }
    }

    /// Runs until the connection is lost; calls `delivers` once, when the first probe has come back.
    pub(crate) async fn run(&mut self, delivers: impl FnOnce()) -> Result<Infallible, BrokerError> {
        let mut delivers = Some(delivers);
        loop {
            let (to_subscribe, to_unsubscribe) = self.compare();
            let more = to_subscribe.len() == BATCH || to_unsubscribe.len() == BATCH;
            // Subscribes first: users wait for them, and no user waits for an unsubscribe.
            self.subscribe(Instant::now(), to_subscribe).await?;
            // Then one part of a refused batch. One forbidden channel in a batch of 512 takes 19
            // commands to find, and new subscribes must not wait behind all of them.
            if let Some((asked_at, part)) = self.refused_batches.pop() {
                self.subscribe(asked_at, part).await?;
            }
            self.unsubscribe(to_unsubscribe).await?;
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
            }
            let next = self.due.values().min().copied();
            select! {
                () = self.dirty.changed() => {}
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// What to subscribe to and what to unsubscribe from now, at most a batch of each.
    fn compare(&mut self) -> (Vec<Stock>, Vec<Stock>) {
        let now = Instant::now();
        for stock in self.dirty.take() {
            match (self.hub.is_wanted(&stock), self.subscribed.contains(&stock)) {
                // The pause goes on: a user that subscribes and unsubscribes in turn must not make the
                // broker refuse more often.
                (_, false) if self.refused.contains_key(&stock) => {}
                // Due also if it is not wanted: a user that subscribed and unsubscribed before we looked
                // has added a stock to the hub, and the comparison below is what removes it.
                (_, false) => drop(self.due.insert(stock, now)),
                // A user came back before the unsubscribe was due: it must not happen now.
                (true, true) => drop(self.due.remove(&stock)),
                (false, true) => drop(self.due.insert(stock, now + self.unsubscribe_delay)),
            }
        }
        let (mut to_subscribe, mut to_unsubscribe) = (Vec::new(), Vec::new());
        for (stock, _) in self.due.extract_if(|_, at| *at <= now) {
            // Compared again, because most stocks became due some time ago.
            match (self.hub.is_wanted(&stock), self.subscribed.contains(&stock)) {
                (true, false) => to_subscribe.push(stock),
                (false, true) => to_unsubscribe.push(stock),
                // It became equal while it was due.
                (true, true) => {}
                // No user wants it and nothing is subscribed. If it were kept, each name that a user
                // ever made up would take memory until the server ends.
                (false, false) => {
                    self.refused.remove(&stock);
                    self.hub.forget(&stock);
                }
            }
            // One command is full. What was not compared stays due, and `run` compares again before it
            // waits for anything.
            if to_subscribe.len() == BATCH || to_unsubscribe.len() == BATCH {
                break;
            }
        }
        (to_subscribe, to_unsubscribe)
    }

    /// Subscribes to these stocks, which are wanted since `asked_at`. A broker refuses a command as a
    /// whole and does not say for which channel, so a refused batch is halved until one channel remains.
    async fn subscribe(
        &mut self,
        asked_at: Instant,
        mut stocks: Vec<Stock>,
    ) -> Result<(), BrokerError> {
        if stocks.is_empty() {
            return Ok(());
        }
        // Half of a refused batch has already waited for the other commands of the search.
        if asked_at.elapsed() >= STALE_AFTER {
            stocks.iter().for_each(|stock| self.hub.unconfirmed(*stock));
        }
        let subscribed = self.connection.subscribe(&stocks);
        match self.answer(&stocks, subscribed).await {
            Ok(()) => {
                stocks.iter().for_each(|stock| self.confirmed(*stock));
                let read = last_prices::read(self.hub, self.connection, &stocks);
                self.answer(&[], read).await?;
            }
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
        // Removed before the broker answers: a user that subscribes in between waits for a channel that
        // will not be confirmed, and `answer` has to send it `stale`.
        for stock in &stocks {
            self.subscribed.remove(stock);
            // With its last price: a user that subscribes in between would be sent that one, and others
            // may be published before the server is subscribed again.
            self.hub.forget(stock);
        }
        let answer = self.answer(&[], self.connection.unsubscribe(&stocks)).await;
        // A broker that refuses an unsubscribe keeps sending: only a new connection ends that.
        answer.map_err(|error| BrokerError::Lost(error.to_string()))?;
        for stock in stocks {
            self.hub.unsubscribed(stock);
            // A user may have subscribed before the broker answered. node-redis and redis-py (issue
            // 764) lost such a subscription: it had found the channel still subscribed.
            self.due.insert(stock, Instant::now());
        }
        Ok(())
    }

    /// Waits for the broker's answer, and sends `stale` to users if it is late.
    async fn answer(
        &self,
        asked: &[Stock],
        answer: impl Future<Output = Result<(), BrokerError>>,
    ) -> Result<(), BrokerError> {
        let late = async {
            // A stock whose first user subscribes while this is unanswered is `stale` from the second
            // tick on, a second later at most. At the first tick it may have waited for a moment only,
            // and an answer that is on time must not send `stale` to any user.
            let mut marked: Vec<Stock> = Vec::new();
            loop {
                running_for(STALE_AFTER).await;
                let late = asked.iter().chain(&marked);
                // A stock whose last user unsubscribed is marked as well, and that one is confirmed.
                late.filter(|stock| !self.subscribed.contains(*stock))
                    .for_each(|stock| self.hub.unconfirmed(*stock));
                marked = self.dirty.peek();
            }
        };
        select! {
            biased;
            // A command takes effect later even if we stop waiting for its answer, so a late answer ends
            // the whole connection.
            answer = within(REPLY_TIMEOUT, answer) => answer.unwrap_or_else(|_| {
                Err(BrokerError::Lost("the broker does not answer a command".into()))
            }),
            // The loop above has no end, so this branch is never taken.
            never = late => never,
        }
    }

    fn confirmed(&mut self, stock: Stock) {
        self.subscribed.insert(stock);
        self.refused.remove(&stock);
        self.hub.confirmed(stock);
        // Its last user may have unsubscribed while the refused batch around it was halved. `compare` saw
        // it then, found nothing subscribed, and does not see it again unless it is due.
        if !self.hub.is_wanted(&stock) {
            self.due
                .insert(stock, Instant::now() + self.unsubscribe_delay);
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
