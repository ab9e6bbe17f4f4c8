//! The manager: the lecture's four verbs, one instance a process.

use crate::{
    BrokerAddress, Connection, Disconnected, NotStarted, Options, Price, Socket, StartError, Stats,
    Stock, SubscribeError, UserId,
    broker::{Broker, OnMessage},
    connections,
};
use hub::Hub;
use once_cell::sync::OnceCell;
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

/// The process's one instance. After a failed attempt its cell can be filled by a later one; a lazy
/// static would be poisoned from then on.
static INSTANCE: OnceCell<Arc<PubSubManager>> = OnceCell::new();

/// Stands between a broker and the users of this server: the first user of a stock subscribes the
/// server to its channel, the last one to leave unsubscribes it.
///
/// There is one in a process, because two would subscribe twice and neither would know all users.
/// So it cannot be made, cloned or defaulted; it is [started](Self::start) once, and asked for by
/// [`instance`](Self::instance) from then on.
#[derive(Debug)]
pub struct PubSubManager {
    /// The users: what they follow, and what they are sent.
    pub(crate) hub: Arc<Hub>,
    pub(crate) leave_delay: Duration,
    drain_timeout: Duration,
    /// The manager's task has ended.
    ended: CancellationToken,
}

impl PubSubManager {
    /// Starts the process's manager. That the broker is down is not an error: users are told that
    /// prices are stale until it comes.
    ///
    /// # Errors
    /// See [`StartError`]; after one, starting again may work.
    pub fn start(options: Options) -> Result<&'static Self, StartError> {
        let mut started = false;
        let instance = INSTANCE.get_or_try_init(|| {
            started = true;
            Self::new(options)
        })?;
        // Otherwise the options were meant for a manager that exists already.
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
        })
    }

    pub(crate) fn with_broker<B: Broker>(
        broker: B,
        options: Options,
        runtime: Handle,
    ) -> Arc<Self> {
        let manager = Arc::new(Self {
            hub: Hub::new(options.hub, runtime.clone()),
            leave_delay: options.leave_delay,
            drain_timeout: options.drain_timeout,
            ended: CancellationToken::new(),
        });
        // Made here and not in the task: a runtime that ends at once drops a task it never began.
        let guard = EndGuard(Arc::clone(&manager));
        let relay = Arc::clone(&manager);
        let on_message: OnMessage =
            Arc::new(move |stock, message| relay.handle_message(stock, message));
        runtime.spawn(async move {
            let Self {
                hub, leave_delay, ..
            } = &*guard.0;
            connections::run(hub, &broker, &on_message, *leave_delay).await;
        });
        manager
    }

    /// Registers a user, and sends it whether prices flow.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn connect<S: Socket>(
        &self,
        user: UserId,
        socket: S,
    ) -> Result<Connection<S>, Disconnected> {
        self.hub.connect(user, socket)
    }

    /// The user follows the stock from now on: it is sent `subscribed`, and the last price if this
    /// server knows one. Doing so twice is the same as once, and only acknowledged again.
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

    /// The user does not follow the stock any more: it is sent `unsubscribed`, and no price of the
    /// stock after that. Leaving a stock that it does not follow is only acknowledged.
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

    /// A message came from the broker on a stock's channel: a price, or something that is not one.
    /// Only a broker's connection calls this, so it is private. It never waits.
    pub(crate) fn handle_message(&self, stock: Stock, message: &[u8]) {
        match Price::from_bytes(message) {
            Ok(price) => self.hub.price(stock, price),
            Err(error) => self.hub.invalid(stock, &error),
        }
    }

    /// Ends the manager: prices that wait are still sent, the connection to the broker is closed,
    /// and users are sent `stale`. Slow consumers have until the drain timeout. Doing so twice is
    /// the same as once; afterwards each verb answers [`Disconnected`].
    pub async fn disconnect(&self) {
        self.hub.close();
        self.ended.cancelled().await;
        // A slow consumer may take a byte now and then for as long as it likes. One that still lags is
        // evicted by its own timeout, or by the end of the process.
        let _ = timeout(self.drain_timeout, self.hub.drained()).await;
    }

    /// Waits until the manager has ended: it was disconnected, or its task panicked. A server then
    /// closes its users and exits; started again it has no users, and they come back.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// The manager's counters, and its stocks.
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
