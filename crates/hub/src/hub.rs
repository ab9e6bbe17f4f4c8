//! The hub: what connections, the manager and the fan-out share.

use crate::{
    Connection, Disconnected, Encode, Event, Feed, JsonLines, Listener, Message, Price, Socket,
    Stats, Stock, SubscribeError, UserId,
    channel::Channel,
    channels::Channels,
    fan_out::{FanOut, SLICE},
    frames::Frames,
    pending::Pending,
    price::BadPrice,
    stats::{Counters, count},
    subscribers::Subscribers,
    user::{Delivered, Follow, State, User},
};
use parking_lot::Mutex;
use program::RateLimitedLog;
use std::{
    collections::HashSet,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    task::{AbortHandle, yield_now},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a hub treats its users.
#[derive(Clone)]
pub struct Settings {
    /// How many stocks a user may follow, 100 by default. Each price searches the user's list in
    /// order, so a thousand is more than it should be.
    pub stocks_per_user: usize,
    /// How messages become bytes, lines of JSON by default.
    pub encoder: Arc<dyn Encode>,
    /// How long a user may read nothing while something waits for it, ten seconds by default.
    pub drain_deadline: Duration,
    /// Is called with each event; none by default. It runs inside the verbs, so it must be fast.
    pub on_event: Option<Listener>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stocks_per_user: 100,
            encoder: Arc::new(JsonLines),
            drain_deadline: Duration::from_secs(10),
            on_event: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("stocks_per_user", &self.stocks_per_user)
            .field("drain_deadline", &self.drain_deadline)
            .finish_non_exhaustive()
    }
}

/// The users of one server, what they follow, and what they are sent.
///
/// Users change what is wanted; a manager reads that by [`take_dirty`](Self::take_dirty), and says
/// what the broker confirmed, refused and published.
///
/// None of its locks is held across an await. They are parking_lot's: one byte each, of which there
/// is one for every user, and not poisoned by a panic in a caller's socket.
pub struct Hub {
    settings: Settings,
    runtime: Handle,
    /// Every user, for what is sent to all of them.
    pub(crate) users: Mutex<Subscribers>,
    pub(crate) channels: Channels,
    pub(crate) pending: Pending,
    /// Only the task in [`fan_out`](Self::fan_out) takes this lock while it writes.
    fan_out: Mutex<FanOut>,
    stale: AtomicBool,
    stale_because: Mutex<String>,
    closed: CancellationToken,
    lagging: TaskTracker,
    pub(crate) counters: Counters,
    invalid_messages: RateLimitedLog,
    refused_channels: RateLimitedLog,
}

/// What users do.
impl Hub {
    /// A hub without users, whose feed is stale until [`go_live`](Self::go_live). Its tasks run in
    /// this runtime.
    pub fn new(settings: Settings, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            settings,
            runtime,
            users: Mutex::default(),
            channels: Channels::default(),
            pending: Pending::default(),
            fan_out: Mutex::default(),
            stale: AtomicBool::new(true),
            stale_because: Mutex::default(),
            closed: CancellationToken::new(),
            lagging: TaskTracker::new(),
            counters: Counters::default(),
            invalid_messages: RateLimitedLog::default(),
            refused_channels: RateLimitedLog::default(),
        })
    }

    /// Registers a user, and sends it the status of the feed.
    ///
    /// # Errors
    /// The hub is closed.
    pub fn connect<S: Socket>(
        self: &Arc<Self>,
        user: UserId,
        socket: S,
    ) -> Result<Connection<S>, Disconnected> {
        self.open()?;
        Ok(Connection::new(user, socket, self))
    }

    /// The user follows the stock from now on: it is sent `subscribed`, and the last price if this
    /// server knows one. Doing so twice is the same as once, and only acknowledged again.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe<S: Socket>(
        self: &Arc<Self>,
        connection: &Connection<S>,
        stock: Stock,
    ) -> Result<(), SubscribeError> {
        self.open()?;
        let (user, most) = (connection.user(), self.settings.stocks_per_user);
        let mut state = user.lock();
        let mut frames = Frames::default();
        frames.push(self.encoder(), &Message::Subscribed { stock: &stock });
        if state.is_open() && state.position_of(&stock).is_none() {
            if state.follows.len() >= most {
                return Err(SubscribeError::TooManyStocks { stock, most });
            }
            let (follow, last) = self.follow(Arc::clone(&user), stock);
            let feed = state.begin(follow);
            if let Some(price) = &last {
                let message = Message::Price {
                    stock: &stock,
                    price,
                    last: true,
                    missed: 0,
                };
                frames.push(self.encoder(), &message);
            }
            if feed == Feed::Stale {
                let stock = Some(&stock);
                frames.push(self.encoder(), &Message::Status { feed, stock });
            }
        }
        user.reply(&mut state, frames.bytes(), self);
        Ok(())
    }

    /// The user does not follow the stock any more: it is sent `unsubscribed`, and no price of the
    /// stock after that. Leaving a stock that it does not follow is only acknowledged.
    ///
    /// # Errors
    /// The hub is closed.
    pub fn unsubscribe<S: Socket>(
        self: &Arc<Self>,
        connection: &Connection<S>,
        stock: &Stock,
    ) -> Result<(), Disconnected> {
        self.open()?;
        let user = connection.user();
        let mut state = user.lock();
        if let Some(at) = state.position_of(stock) {
            let follow = state.follows.swap_remove(at);
            self.unfollow(user.id, &follow);
        }
        let mut frames = Frames::default();
        frames.push(self.encoder(), &Message::Unsubscribed { stock });
        user.reply(&mut state, frames.bytes(), self);
        Ok(())
    }

    fn follow(&self, user: Arc<User>, stock: Stock) -> (Follow, Option<Price>) {
        let id = user.id;
        let (channel, joined) = self.channels.join(user, stock);
        self.counters.subscriptions.fetch_add(1, Relaxed);
        let follow = Follow {
            channel,
            last_seq: joined.last_seq,
            key: joined.key,
            last_status: Feed::Live,
        };
        self.emit(|| Event::UserSubscribed {
            user: id,
            stock,
            users: joined.users,
        });
        (follow, joined.last)
    }

    fn unfollow(&self, user: UserId, follow: &Follow) {
        let users = self.channels.leave(&follow.channel, follow.key);
        self.counters.subscriptions.fetch_sub(1, Relaxed);
        let stock = follow.channel.stock;
        self.emit(|| Event::UserUnsubscribed { user, stock, users });
    }

    /// Removes the user from everything: it costs what the user had, not what all users have.
    pub(crate) fn leave(&self, user: &User, state: &mut State) {
        for follow in state.follows.drain(..) {
            self.unfollow(user.id, &follow);
        }
        if let Some(key) = state.key.take() {
            self.users.lock().remove(key);
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.lagging.spawn_on(task, &self.runtime).abort_handle()
    }

    pub(crate) fn evicted(&self, user: UserId, why: &str) {
        count(&self.counters.evicted, 1);
        tracing::debug!(%user, why, "evicted a user");
    }

    pub(crate) fn count(&self, delivered: impl Iterator<Item = Delivered>) {
        let mut sum = Delivered::default();
        for one in delivered {
            sum.prices += one.prices;
            sum.missed += one.missed;
        }
        count(&self.counters.deliveries, sum.prices);
        count(&self.counters.missed, sum.missed);
    }

    pub(crate) fn encoder(&self) -> &dyn Encode {
        &*self.settings.encoder
    }

    /// How long a user may read nothing while something waits for it.
    pub fn drain_deadline(&self) -> Duration {
        self.settings.drain_deadline
    }

    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        if let Some(listener) = &self.settings.on_event {
            listener(&event());
        }
    }
}

/// What the manager reads, and what the broker said.
impl Hub {
    /// A price came from the broker. It waits for the fan-out; this never blocks.
    pub fn price(&self, stock: Stock, price: Price) {
        count(&self.counters.messages_in, 1);
        self.pending.price(stock, price);
    }

    /// A message on a stock's channel was not a price: the stock is stale until its next good one.
    pub fn invalid(&self, stock: Stock, error: &BadPrice) {
        count(&self.counters.invalid_messages, 1);
        self.pending.invalid(stock);
        if let Some(messages) = self.invalid_messages.count() {
            let latest = format!("on the channel of {stock}: {error}");
            tracing::warn!(events = messages, latest, "messages that are not prices");
            self.emit(|| Event::InvalidMessages { messages, latest });
        }
    }

    /// Prices flow from the broker.
    pub fn go_live(&self) {
        if self.set_feed(Feed::Live) {
            self.stale_because.lock().clear();
            tracing::info!("live");
            self.emit(|| Event::Live);
        }
    }

    /// A connection to the broker was lost, and is made again.
    pub fn count_reconnect(&self) {
        count(&self.counters.reconnects, 1);
    }

    /// No price comes from the broker and no channel is confirmed, for this reason.
    pub fn go_stale(&self, reason: &str) {
        self.counters.channels_confirmed.store(0, Relaxed);
        self.set_feed(Feed::Stale);
        // A failed attempt each second is reported only when its reason is another one.
        let mut because = self.stale_because.lock();
        if *because != reason {
            reason.clone_into(&mut because);
            drop(because);
            if self.is_closed() {
                tracing::info!(reason, "stale");
            } else {
                tracing::warn!(reason, "stale");
            }
            self.emit(|| Event::Stale {
                reason: reason.to_owned(),
            });
        }
    }

    /// Returns whether that is news.
    fn set_feed(&self, feed: Feed) -> bool {
        let stale = feed == Feed::Stale;
        let news = self.stale.swap(stale, AcqRel) != stale;
        if news {
            self.fan_out.lock().status();
            self.pending.changed.notify_one();
        }
        news
    }

    /// The broker confirmed the channel.
    pub fn confirmed(&self, stock: Stock) {
        count(&self.counters.channels_confirmed, 1);
        if let Some(channel) = self.channels.get(&stock) {
            let again = channel.set_confirmed(true);
            self.set_unconfirmed(channel, false);
            self.emit(|| Event::Subscribed { stock, again });
        }
    }

    /// The broker has not confirmed the channel yet, and its users should know.
    pub fn unconfirmed(&self, stock: Stock) {
        if let Some(channel) = self.channels.get(&stock) {
            self.set_unconfirmed(channel, true);
        }
    }

    /// The broker refuses the channel.
    pub fn refused(&self, stock: Stock, reason: &str) {
        count(&self.counters.refusals, 1);
        self.unconfirmed(stock);
        if let Some(events) = self.refused_channels.count() {
            let latest = format!("{stock}: {reason}");
            tracing::warn!(events, latest, "the broker refuses channels");
        }
        self.emit(|| Event::Refused {
            stock,
            reason: reason.to_owned(),
        });
    }

    fn set_unconfirmed(&self, channel: Arc<Channel>, unconfirmed: bool) {
        if channel.set_unconfirmed(unconfirmed) {
            self.fan_out.lock().stock_status(channel);
            self.pending.changed.notify_one();
        }
    }

    /// The broker confirmed that the channel is left.
    pub fn left(&self, stock: Stock) {
        self.counters.channels_confirmed.fetch_sub(1, Relaxed);
        // It may have a user again by now, and is not forgotten then.
        if let Some(channel) = self.channels.get(&stock) {
            channel.set_confirmed(false);
        }
        self.emit(|| Event::Unsubscribed { stock });
    }

    /// Whether the stock has users.
    pub fn is_wanted(&self, stock: &Stock) -> bool {
        self.channels.is_wanted(stock)
    }

    /// The stocks whose first user came or whose last one left since this was called before.
    pub fn take_dirty(&self) -> HashSet<Stock> {
        self.channels.take_dirty()
    }

    /// What [`take_dirty`](Self::take_dirty) would return.
    pub fn dirty(&self) -> Vec<Stock> {
        self.channels.dirty()
    }

    /// Waits for the first user of a stock to come, or for the last one to leave.
    pub async fn changed(&self) {
        self.channels.changed.notified().await;
    }

    /// Forgets a stock without users; one that has some again is kept.
    pub fn forget(&self, stock: &Stock) {
        self.channels.forget(stock);
    }

    /// How many stocks take up memory here: those with users, and those that were not forgotten yet.
    pub fn channels_known(&self) -> usize {
        self.channels.len()
    }

    /// Forgets all stocks without users, and returns the others.
    pub fn forget_unwanted(&self) -> Vec<Stock> {
        self.channels.forget_unwanted()
    }

    /// Sends what waits to the users, until the task that calls it is dropped.
    pub async fn fan_out(self: &Arc<Self>) {
        let mut sent = 0;
        loop {
            let idle = {
                let mut fan_out = self.fan_out.lock();
                sent += fan_out.run_slice(self);
                fan_out.is_idle()
            };
            if sent >= SLICE {
                sent = 0;
                yield_now().await;
            }
            if idle {
                self.pending.changed.notified().await;
            }
        }
    }

    /// Sends a slice of what waits, and returns to how many users.
    pub fn run_slice(self: &Arc<Self>) -> usize {
        self.fan_out.lock().run_slice(self)
    }

    /// Sends what waits now, and returns.
    pub async fn flush(self: &Arc<Self>) {
        while self.run_slice() > 0 {
            yield_now().await;
        }
    }

    /// Every verb is refused from here on.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Waits for [`close`](Self::close).
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Waits until no user lags: each has caught up, or was evicted at its deadline.
    pub async fn drained(&self) {
        self.lagging.close();
        self.lagging.wait().await;
    }

    fn open(&self) -> Result<(), Disconnected> {
        if self.is_closed() {
            Err(Disconnected)
        } else {
            Ok(())
        }
    }
}

/// What can be asked of it.
impl Hub {
    /// Whether prices flow.
    pub fn feed(&self) -> Feed {
        if self.stale.load(Acquire) {
            Feed::Stale
        } else {
            Feed::Live
        }
    }

    /// The counters, and how many users each stock has.
    pub fn stats(&self) -> Stats {
        Stats {
            stocks: self.channels.users(),
            ..self.counts()
        }
    }

    /// The counters alone, which cost the same however many stocks there are.
    pub fn counts(&self) -> Stats {
        let users = self.users.lock().len() as u64;
        let lagging = self.lagging.len() as u64;
        self.counters
            .read(self.feed(), users, lagging, self.channels.wanted())
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = self.users.lock().len();
        write!(out, "Hub({:?}, {users} users)", self.feed())
    }
}
