//! The one task that owns the link to the broker: it asks, listens, and relays.
//!
//! One task, so that a price costs one wake-up however many users it has; and because only this
//! task knows what is subscribed, there is nothing that could disagree with it.

use crate::{
    Event, Feed, PubSubManager, Stock,
    broker::{Broker, Heard, Link, Lost},
    garbage::Garbage,
    health::{Check, Health},
    reconciler::{News, Reconciler},
    relay::SLICE,
    shared::Shared,
    stats::Counters,
};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::{
    future::{Future, ready},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    task::yield_now,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout},
};

/// How often the clock is looked at: a deadline here is a second or more.
const TICK: Duration = Duration::from_millis(100);
/// How long making a link may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between attempts double from the first to the longest; jitter at most doubles each, so
/// that fifty servers do not come back in step, and the longest is two seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often the counters are told to the process's recorder.
const RECORD: Duration = Duration::from_secs(1);

/// Owns the link, and all that is known of it.
pub(crate) struct Keeper {
    manager: Arc<PubSubManager>,
    shared: Arc<Shared>,
    reconciler: Reconciler,
    started: Instant,
    clock: Interval,
    heard: Vec<Heard>,
    health: Health,
    /// Users told since everyone else on this thread had a turn.
    told: usize,
    stale_because: String,
    garbage: Garbage,
    recorded_at: Instant,
}

impl Keeper {
    /// A keeper that knows nothing but what the users want.
    pub(crate) fn new(manager: Arc<PubSubManager>) -> Self {
        let shared = Arc::clone(manager.shared());
        let started = Instant::now();
        let mut reconciler = Reconciler::new(shared.options().leave_delay);
        for stock in shared.channels.forget_the_empty() {
            reconciler.want(stock, Duration::ZERO);
        }
        let mut clock = interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            manager,
            shared,
            reconciler,
            started,
            clock,
            heard: Vec::new(),
            health: Health::new(),
            told: 0,
            stale_because: String::new(),
            garbage: Garbage::default(),
            recorded_at: started,
        }
    }

    /// Makes links, one after the other, until the manager is closed.
    pub(crate) async fn run<B: Broker>(&mut self, broker: &B) {
        let mut pauses = new_pauses();
        let shared = Arc::clone(&self.shared);
        while !shared.is_closed() {
            let lost = match self.meanwhile(timeout(CONNECT, broker.connect())).await {
                None => break,
                Some(Ok(Ok(link))) => {
                    let lost = self.serve(link, &mut pauses).await;
                    let Err(lost) = lost else { break };
                    Counters::add(&shared.counters.reconnects, 1);
                    lost
                }
                Some(Ok(Err(lost))) => lost,
                Some(Err(_)) => Lost("the broker does not answer".into()),
            };
            self.reconciler.link_down();
            self.go_stale(&lost.0);
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            self.meanwhile(sleep(pause)).await;
        }
        self.reconciler.link_down();
        self.apply_news();
        self.go_stale("the manager is disconnected");
        while self.relay().await {}
    }

    /// Serves one link until it is lost, or until the manager is closed and all is unsubscribed.
    async fn serve<L: Link>(
        &mut self,
        mut link: L,
        pauses: &mut ExponentialBackoff,
    ) -> Result<(), Lost> {
        self.reconciler.link_up();
        self.health = Health::new();
        // What an earlier link confirmed says nothing of this one.
        self.heard.clear();
        let shared = Arc::clone(&self.shared);
        loop {
            let closing = shared.is_closed();
            self.follow_changes();
            if closing {
                self.reconciler.want_nothing(self.now());
            }
            while let Some(command) = self.reconciler.next_command(self.now()) {
                link.ask(&command);
            }
            self.apply_news();
            if self.reconciler.is_settled() && self.go_live() {
                *pauses = new_pauses();
            }
            let busy = self.relay().await;
            if closing && !busy && self.reconciler.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                result = link.listen(&mut self.heard) => {
                    result?;
                    self.take_in();
                }
                () = shared.channels.wake.notified() => {}
                _ = self.clock.tick() => self.look_at_the_clock(&mut link)?,
                () = ready(()), if busy => {}
            }
        }
    }

    /// Waits for something that is not a link's, and goes on telling users what they are owed;
    /// none if the manager was closed first.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        let mut something = pin!(something);
        while !shared.is_closed() {
            self.follow_changes();
            self.apply_news();
            let busy = self.relay().await;
            tokio::select! {
                biased;
                result = &mut something => return Some(result),
                () = shared.channels.wake.notified() => {}
                _ = self.clock.tick() => self.record(),
                () = ready(()), if busy => {}
            }
        }
        None
    }

    /// Looks where a first user came or a last one left; the reconciler knows what to do.
    fn follow_changes(&mut self) {
        let now = self.now();
        for (stock, wanted) in self.shared.channels.take_changed() {
            if wanted {
                self.reconciler.want(stock, now);
            } else {
                self.reconciler.unwant(stock, now);
            }
        }
        let counters = &self.shared.counters;
        counters.wanted.store(self.reconciler.wanted(), Relaxed);
        counters
            .confirmed
            .store(self.reconciler.confirmed(), Relaxed);
    }

    /// Takes in what the link brought.
    fn take_in(&mut self) {
        let now = self.now();
        let mut alive = false;
        let mut heard = std::mem::take(&mut self.heard);
        for one in heard.drain(..) {
            match one {
                Heard::Price(stock, price) => {
                    alive = true;
                    self.manager.handle_message(stock, price);
                }
                Heard::Garbage(what) => {
                    alive = true;
                    Counters::add(&self.shared.counters.garbage, 1);
                    self.garbage.note(what);
                }
                Heard::Alive => alive = true,
                // An answer proves that the broker lives, not that its prices reach us.
                Heard::Subscribed(stock) => self.reconciler.subscribed(stock, now),
                Heard::Unsubscribed(stock) => self.reconciler.unsubscribed(stock),
                Heard::Refused(reason) => self.reconciler.refused(&reason, now),
            }
        }
        // Its memory is kept for the next batch.
        self.heard = heard;
        if alive {
            self.health.alive();
        }
    }

    /// Tells a slice of users; true if there are more to be told.
    async fn relay(&mut self) -> bool {
        let busy = {
            let mut relay = self.manager.relay();
            self.told += relay.tell_a_slice(&self.shared);
            !relay.is_idle()
        };
        if self.told >= SLICE {
            self.told = 0;
            yield_now().await;
        }
        busy
    }

    fn apply_news(&mut self) {
        for news in self.reconciler.take_news() {
            match news {
                News::Confirmed(stock) => {
                    self.stock_feed(stock, Feed::Live);
                    self.shared.tell(Event::Subscribed { stock });
                }
                News::Refused(stock, reason) => {
                    Counters::add(&self.shared.counters.refusals, 1);
                    tracing::warn!(%stock, reason, "the broker refuses a channel");
                    self.stock_feed(stock, Feed::Stale);
                    self.shared.tell(Event::Refused { stock, reason });
                }
                News::Late(stock) => self.stock_feed(stock, Feed::Stale),
                News::Left(stock) => self.shared.tell(Event::Unsubscribed { stock }),
                News::Forgotten(stock) => self.shared.channels.forget(&stock),
            }
        }
    }

    fn stock_feed(&self, stock: Stock, feed: Feed) {
        if let Some(channel) = self.shared.channels.get(&stock)
            && channel.set_feed(feed)
        {
            self.manager.relay().stock_status(channel);
        }
    }

    /// Returns whether that is news.
    fn go_live(&mut self) -> bool {
        let news = self.shared.set_feed(Feed::Live);
        if news {
            self.stale_because.clear();
            self.manager.relay().status();
            tracing::info!("live");
            self.shared.tell(Event::Live);
        }
        news
    }

    fn go_stale(&mut self, reason: &str) {
        if self.shared.set_feed(Feed::Stale) {
            self.manager.relay().status();
        }
        // An attempt every two seconds is not news, unless it fails for another reason.
        if self.stale_because != reason {
            reason.clone_into(&mut self.stale_because);
            if self.shared.is_closed() {
                // It was asked for, so it warns nobody.
                tracing::info!(reason, "stale");
            } else {
                tracing::warn!(reason, "stale");
            }
            self.shared.tell(Event::Stale {
                reason: reason.to_owned(),
            });
        }
    }

    fn look_at_the_clock<L: Link>(&mut self, link: &mut L) -> Result<(), Lost> {
        self.record();
        if self.reconciler.tick(self.now()).is_err() {
            return Err(Lost("the broker does not answer a command".into()));
        }
        match self.health.check() {
            Check::Nothing => Ok(()),
            Check::Probe => {
                link.probe();
                Ok(())
            }
            Check::Dead => Err(Lost(
                "the link is silent: our own probe did not come back".into(),
            )),
        }
    }

    /// Tells the recorder and the log what is due.
    fn record(&mut self) {
        if let Some(event) = self.garbage.due() {
            tracing::warn!("{event}");
            self.shared.tell(event);
        }
        if self.recorded_at.elapsed() >= RECORD {
            self.recorded_at = Instant::now();
            #[cfg(feature = "metrics")]
            self.shared.counts().record();
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

fn new_pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}
