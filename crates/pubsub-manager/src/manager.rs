//! The manager: the lecture's four verbs, one instance a process.

#[cfg(feature = "cluster")]
use crate::cluster::{self, Cluster};
use crate::{
    BrokerAddress, Connection, Disconnected, NotStarted, Options, Pace, Price, Socket, StartError,
    Stats, Stock, SubscribeError, UserId,
    broker::{Broker, OnMessage},
    connections,
};
use hub::Hub;
use once_cell::sync::OnceCell;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

/// The process's one instance. A start that fails leaves the cell empty, so a later one can fill it; a
/// lazy static would be poisoned from then on.
static INSTANCE: OnceCell<Arc<PubSubManager>> = OnceCell::new();

/// Connects a broker with the users of this server: the first user of a stock subscribes the server to
/// its channel, the last one unsubscribes it.
///
/// There is one in a process, because two would subscribe twice and neither would know all users.
/// So it has no public constructor, no `Clone` and no `Default`: [`start`](Self::start) makes it, once,
/// and [`instance`](Self::instance) returns it from then on.
#[derive(Debug)]
pub struct PubSubManager {
    /// The users, their subscriptions, and what they are sent. It has locks of its own.
    pub(crate) hub: Arc<Hub>,
    pub(crate) unsubscribe_delay: Duration,
    drain_timeout: Duration,
    /// Cancelled once, when the manager's task ends for whatever reason; `disconnect` and `ended` wait
    /// for it.
    ended: CancellationToken,
}

impl PubSubManager {
    /// Starts the process's manager. A broker that is down is not an error: users are sent `stale`
    /// until it is up.
    ///
    /// # Errors
    /// See [`StartError`]; after an error it can be called again.
    pub fn start(options: Options) -> Result<&'static Self, StartError> {
        let mut started = false;
        let instance = INSTANCE.get_or_try_init(|| {
            started = true;
            Self::new(options)
        })?;
        // Without this error the options of a second start would be ignored silently.
        started
            .then_some(&**instance)
            .ok_or(StartError::AlreadyStarted)
    }

    /// The process's manager.
    ///
    /// # Errors
    /// It was not [started](Self::start).
    pub fn instance() -> Result<&'static Self, NotStarted> {
        INSTANCE.get().map(|instance| &**instance).ok_or(NotStarted)
    }

    /// Makes a manager. It is private to this crate: outside, `start` is the only way.
    pub(crate) fn new(options: Options) -> Result<Arc<Self>, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        Ok(match options.broker.clone() {
            BrokerAddress::InProcess(broker) => Self::with_broker(broker, options, runtime),
            #[cfg(feature = "redis")]
            BrokerAddress::Redis(url) => {
                let broker = crate::broker::redis::Redis::new(url, &options.channel_prefix);
                Self::with_broker(broker, options, runtime)
            }
            #[cfg(feature = "cluster")]
            BrokerAddress::RedisCluster(redis) => {
                let cluster = Cluster::new(redis, &options.channel_prefix);
                Self::spawn(options, runtime, |hub, on_message, delay| async move {
                    cluster::subscribe(&hub, cluster, &on_message, delay).await;
                })
            }
        })
    }

    pub(crate) fn with_broker<B: Broker>(
        broker: B,
        options: Options,
        runtime: Handle,
    ) -> Arc<Self> {
        Self::spawn(options, runtime, |hub, on_message, delay| async move {
            connections::subscribe(&hub, &broker, &on_message, delay).await;
        })
    }

    /// Spawns the manager's task, in which `subscribe` keeps every wanted stock subscribed.
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        options: Options,
        runtime: Handle,
        subscribe: impl FnOnce(Arc<Hub>, OnMessage, Duration) -> F,
    ) -> Arc<Self> {
        let manager = Arc::new(Self {
            hub: Hub::new(options.hub, runtime.clone()),
            unsubscribe_delay: options.unsubscribe_delay,
            drain_timeout: options.drain_timeout,
            ended: CancellationToken::new(),
        });
        // Made here and not in the task: a runtime that ends now drops a task without ever polling it,
        // and `ended` would then wait without end.
        let guard = EndGuard(Arc::clone(&manager));
        let relay = Arc::clone(&manager);
        let on_message: OnMessage =
            Arc::new(move |stock, message| relay.handle_message(stock, message));
        let hub = Arc::clone(&manager.hub);
        let subscriptions = subscribe(hub, on_message, manager.unsubscribe_delay);
        runtime.spawn(async move { connections::run(&guard.0.hub, subscriptions).await });
        manager
    }

    /// Registers a user, and sends it the status of the feed. Dropping the connection disconnects it.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn connect<S: Socket>(
        &self,
        user: UserId,
        socket: S,
    ) -> Result<Connection<S>, Disconnected> {
        self.connect_at_pace(user, socket, None)
    }

    /// The same, for a user that is sent prices once in an interval at most: the newest of each of its stocks
    /// that changed, in one write. Everything else it is sent at once.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn connect_at_pace<S: Socket>(
        &self,
        user: UserId,
        socket: S,
        pace: Option<Pace>,
    ) -> Result<Connection<S>, Disconnected> {
        self.hub.connect_at_pace(user, socket, pace)
    }

    /// Subscribes the user to the stock: it is sent `subscribed`, and the last price, at once if this server
    /// has one, otherwise when it has read what the broker has stored. From then on no price is older than
    /// one that the user was sent before. A second call is only acknowledged.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn user_subscribe<S: Socket>(
        &self,
        user: &Connection<S>,
        stock: Stock,
    ) -> Result<(), SubscribeError> {
        self.hub.subscribe(user, stock)
    }

    /// Unsubscribes the user from the stock: it is sent `unsubscribed`, and no price of the stock after
    /// that. Without a subscription the call is only acknowledged.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn user_unsubscribe<S: Socket>(
        &self,
        user: &Connection<S>,
        stock: &Stock,
    ) -> Result<(), Disconnected> {
        self.hub.unsubscribe(user, stock)
    }

    /// Relays a message from a stock's channel if it is a price, and counts it otherwise. Only a
    /// broker's connection calls this, so it is private. It never waits.
    pub(crate) fn handle_message(&self, stock: Stock, message: &[u8]) {
        match Price::from_bytes(message) {
            Ok(price) => self.hub.price(stock, price),
            Err(error) => self.hub.invalid(stock, &error),
        }
    }

    /// Ends the manager: prices that wait are still sent, the connection to the broker is closed, and
    /// users are sent `stale`. Slow consumers have until the drain timeout. Afterwards each verb answers
    /// [`Disconnected`], and a second call has no effect.
    pub async fn disconnect(&self) {
        self.hub.close();
        self.ended.cancelled().await;
        // A slow consumer may take a byte now and then for as long as it likes. One that still lags is
        // evicted by its own timeout, or by the end of the process.
        let _ = timeout(self.drain_timeout, self.hub.drained()).await;
    }

    /// Waits until the manager has ended: it was disconnected, or its task panicked. A server then
    /// closes its users and exits. It is restarted without users, and they reconnect.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The counters, and how many users each stock has.
    pub fn stats(&self) -> Stats {
        self.hub.stats()
    }

    /// The counters without the list of stocks, at a cost that does not grow with it.
    pub fn counts(&self) -> Stats {
        self.hub.counts()
    }
}

/// Whatever ends the task (a disconnect, a panic, the end of the runtime), the verbs answer
/// `Disconnected` from then on, and `ended` returns.
struct EndGuard(Arc<PubSubManager>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        if !self.0.hub.is_closed() {
            tracing::error!("the manager's task has ended: prices are not relayed any more");
            self.0.hub.close();
            self.0.hub.go_stale("the manager's task has ended");
        }
        self.0.ended.cancel();
    }
}
