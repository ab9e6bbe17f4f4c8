//! What connections, drains and the keeper's task share.

use crate::{
    Disconnected, Encode, Event, Feed, Options, Price, Stats, Stock, UserId,
    channel::Joined,
    channels::Channels,
    event::Recent,
    latch::Latch,
    roster::{Roster, Ticket},
    stats::Counters,
    user::{Delivered, Follow, State, User},
};
use parking_lot::Mutex;
use std::{
    borrow::Borrow,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify, task::AbortHandle};

/// The state that users change.
///
/// None of its locks is held across an await, and none poisons: a fault in one caller's outlet must
/// not take every other user down. That is why they are parking_lot's, which are also one byte each.
pub(crate) struct Shared {
    options: Options,
    runtime: Handle,
    /// Every user, for what all of them are told.
    pub(crate) users: Mutex<Roster>,
    pub(crate) channels: Channels,
    stale: AtomicBool,
    /// The manager is to end; its verbs are refused from here on.
    closed: AtomicBool,
    /// The keeper has ended.
    pub(crate) ended: Latch,
    behind: AtomicU64,
    caught_up: Notify,
    pub(crate) counters: Counters,
    subscriptions: AtomicU64,
    recent: Mutex<Recent>,
}

impl Shared {
    pub(crate) fn new(options: Options, runtime: Handle) -> Self {
        Self {
            options,
            runtime,
            users: Mutex::default(),
            channels: Channels::default(),
            stale: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            ended: Latch::default(),
            behind: AtomicU64::new(0),
            caught_up: Notify::new(),
            counters: Counters::default(),
            subscriptions: AtomicU64::new(0),
            recent: Mutex::default(),
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn encoder(&self) -> &dyn Encode {
        &*self.options.encoder
    }

    pub(crate) fn drain_deadline(&self) -> Duration {
        self.options.drain_deadline
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(task).abort_handle()
    }

    pub(crate) fn feed(&self) -> Feed {
        if self.stale.load(Acquire) {
            Feed::Stale
        } else {
            Feed::Live
        }
    }

    /// Returns whether that is news.
    pub(crate) fn set_feed(&self, feed: Feed) -> bool {
        let stale = feed == Feed::Stale;
        self.stale.swap(stale, AcqRel) != stale
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }

    pub(crate) fn open(&self) -> Result<(), Disconnected> {
        if self.is_closed() {
            Err(Disconnected)
        } else {
            Ok(())
        }
    }

    /// The verbs are refused from here on, and the keeper ends.
    pub(crate) fn close(&self) {
        self.closed.store(true, Release);
        self.channels.wake.notify_one();
    }

    /// Waits until no user is behind.
    pub(crate) async fn nobody_behind(&self) {
        loop {
            let mut woken = pin!(self.caught_up.notified());
            woken.as_mut().enable();
            if self.behind.load(Acquire) == 0 {
                return;
            }
            woken.await;
        }
    }

    /// The user follows the stock from now on; with the last price that is known of it.
    pub(crate) fn follow(&self, user: Arc<User>, stock: Stock) -> (Follow, Option<Price>) {
        let id = user.id;
        let (channel, joined) = self.channels.join(user, stock);
        let Joined {
            ticket,
            seen,
            last,
            users,
        } = joined;
        self.subscriptions.fetch_add(1, Relaxed);
        self.tell(Event::UserSubscribed {
            user: id,
            stock,
            users,
        });
        (
            Follow {
                channel,
                seen,
                ticket,
                told: Feed::Live,
            },
            last,
        )
    }

    pub(crate) fn unfollow(&self, user: UserId, follow: &Follow) {
        let users = self.channels.leave(&follow.channel, follow.ticket);
        self.subscriptions.fetch_sub(1, Relaxed);
        let stock = follow.channel.stock;
        self.tell(Event::UserUnsubscribed { user, stock, users });
    }

    /// Takes the user out of everything: it costs what the user had, not what everybody has.
    pub(crate) fn leave(&self, user: &User, state: &mut State) {
        for follow in state.follows.drain(..) {
            self.unfollow(user.id, &follow);
        }
        if let Some(ticket) = state.ticket.take() {
            self.users.lock().remove(ticket);
        }
    }

    pub(crate) fn enter(&self, user: Arc<User>) -> Ticket {
        self.users.lock().add(user)
    }

    pub(crate) fn count(&self, delivered: impl Iterator<Item = Delivered>) {
        let mut sum = Delivered::default();
        for one in delivered {
            sum.prices += one.prices;
            sum.missed += one.missed;
        }
        Counters::add(&self.counters.deliveries, sum.prices);
        Counters::add(&self.counters.missed, sum.missed);
    }

    pub(crate) fn gave_up(&self, user: UserId, why: &str) {
        Counters::add(&self.counters.given_up, 1);
        tracing::debug!(%user, why, "gave a user up");
    }

    /// Notes what happened, and tells whoever listens.
    pub(crate) fn tell(&self, event: Event) {
        self.call_listener(|| &event);
        self.recent.lock().push(event);
    }

    /// Tells whoever listens, if anyone does: this happens too often to be noted.
    pub(crate) fn tell_often(&self, event: impl FnOnce() -> Event) {
        self.call_listener(event);
    }

    /// The caller's code runs here, in the midst of a verb: if it panics, the verb is finished all
    /// the same, for a user half-way into a stock would never leave it.
    fn call_listener<E: Borrow<Event>>(&self, event: impl FnOnce() -> E) {
        if let Some(listener) = &self.options.on_event
            && catch_unwind(AssertUnwindSafe(|| listener(event().borrow()))).is_err()
        {
            tracing::error!("the listener for events panicked");
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.counts();
        stats.stocks = self.channels.users();
        stats.recent = self.recent.lock().to_vec();
        stats
    }

    /// The counters alone, which cost the same however many stocks there are.
    pub(crate) fn counts(&self) -> Stats {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let counters = &self.counters;
        Stats {
            feed: self.feed(),
            users: self.users.lock().len() as u64,
            users_behind: count(&self.behind),
            subscriptions: count(&self.subscriptions),
            channels_wanted: count(&counters.wanted),
            channels_confirmed: count(&counters.confirmed),
            messages_in: count(&counters.messages_in),
            deliveries: count(&counters.deliveries),
            missed: count(&counters.missed),
            garbage: count(&counters.garbage),
            reconnects: count(&counters.reconnects),
            refusals: count(&counters.refusals),
            given_up: count(&counters.given_up),
            restarts: count(&counters.restarts),
            stocks: Vec::new(),
            recent: Vec::new(),
        }
    }
}

/// Counts a user that is behind for as long as its drain exists, however that ends.
pub(crate) struct OneBehind(Arc<Shared>);

impl OneBehind {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        shared.behind.fetch_add(1, AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for OneBehind {
    fn drop(&mut self) {
        if self.0.behind.fetch_sub(1, AcqRel) == 1 {
            self.0.caught_up.notify_waiters();
        }
    }
}
