//! The manager: the lecture's four verbs, one instance a process.

#[cfg(feature = "redis")]
use crate::broker::redis::Redis;
use crate::{
    Connection, Disconnected, Feed, Message, NotStarted, Options, Outlet, Price, StartError, Stats,
    Stock, SubscribeError, UserId, broker::Broker, frames::Frames, options::BrokerAddress,
    relay::Relay, shared::Shared, stats::Counters, supervisor,
};
use once_cell::sync::OnceCell;
use parking_lot::{Mutex, MutexGuard};
use std::{fmt, sync::Arc};
use tokio::{runtime::Handle, time::timeout};

/// The process's one instance. Its cell can be filled again after a failed attempt, which is what
/// a lazy static could not: that would be poisoned for ever.
static INSTANCE: OnceCell<Arc<PubSubManager>> = OnceCell::new();

/// Stands between a broker and the users of this server: the first user of a stock subscribes the
/// server to its channel, the last one to leave unsubscribes it.
///
/// There is one in a process, because two would subscribe twice and neither would know all users.
/// So it cannot be made, cloned or defaulted; it is [started](Self::start) once, and asked for by
/// [`instance`](Self::instance) from then on.
pub struct PubSubManager {
    shared: Arc<Shared>,
    /// Only the keeper takes this lock while it works, so it is free when it is wanted.
    relay: Mutex<Relay>,
}

impl PubSubManager {
    /// Starts the process's manager. That the broker is down never fails it: users are told that
    /// prices are stale until it comes.
    ///
    /// # Errors
    /// See [`StartError`]; after one, starting again may work.
    pub fn start(options: Options) -> Result<&'static Self, StartError> {
        let mut options = Some(options);
        let instance = INSTANCE.get_or_try_init(|| match options.take() {
            Some(options) => Self::new(options),
            None => Err(StartError::AlreadyStarted),
        })?;
        // Options that are left over were meant for a manager that exists already.
        if options.is_some() {
            Err(StartError::AlreadyStarted)
        } else {
            Ok(instance)
        }
    }

    /// The process's manager.
    ///
    /// # Errors
    /// It was not [started](Self::start).
    pub fn instance() -> Result<&'static Self, NotStarted> {
        INSTANCE.get().map(|instance| &**instance).ok_or(NotStarted)
    }

    /// Makes a manager; outside this crate there is no way to this line but by `start`.
    pub(crate) fn new(options: Options) -> Result<Arc<Self>, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        match options.broker.clone() {
            BrokerAddress::InProcess(broker) => Ok(Self::with(broker, options, runtime)),
            #[cfg(feature = "redis")]
            BrokerAddress::Redis(url) => {
                let broker = Redis::new(url, &options.channel_prefix);
                Ok(Self::with(broker, options, runtime))
            }
        }
    }

    pub(crate) fn with<B: Broker>(broker: B, options: Options, runtime: Handle) -> Arc<Self> {
        let shared = Arc::new(Shared::new(options, runtime.clone()));
        let manager = Arc::new(Self {
            shared,
            relay: Mutex::default(),
        });
        runtime.spawn(supervisor::keep(Arc::clone(&manager), broker));
        manager
    }

    /// Makes a user known, and tells it whether prices flow.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn connect<O: Outlet>(
        &self,
        user: UserId,
        outlet: O,
    ) -> Result<Connection<O>, Disconnected> {
        Connection::new(user, outlet, &self.shared)
    }

    /// The user follows the stock from now on: it is told `subscribed`, and the last price if this
    /// server knows one. Doing so twice is the same as once, and only acknowledged again.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn user_subscribe<O: Outlet>(
        &self,
        who: &Connection<O>,
        stock: Stock,
    ) -> Result<(), SubscribeError> {
        self.shared.open()?;
        let most = self.shared.options().stocks_per_user;
        let user = who.user();
        let mut state = user.lock();
        let mut frames = Frames::default();
        let encoder = self.shared.encoder();
        frames.push(encoder, &Message::Subscribed { stock: &stock });
        if state.is_here() && state.position_of(&stock).is_none() {
            if state.follows.len() >= most {
                return Err(SubscribeError::TooManyStocks { stock, most });
            }
            let (follow, last) = self.shared.follow(Arc::clone(&user), stock);
            let feed = state.begin(follow);
            if let Some(price) = &last {
                let (stock, last, missed) = (&stock, true, 0);
                frames.push(
                    encoder,
                    &Message::Price {
                        stock,
                        price,
                        last,
                        missed,
                    },
                );
            }
            if feed == Feed::Stale {
                let stock = Some(&stock);
                frames.push(encoder, &Message::Status { feed, stock });
            }
        }
        user.reply(&mut state, frames.bytes(), &self.shared);
        Ok(())
    }

    /// The user follows the stock no more: it is told `unsubscribed`, and no price of the stock
    /// after that. Leaving what one does not follow is only acknowledged.
    ///
    /// # Errors
    /// The manager is disconnected.
    pub fn user_unsubscribe<O: Outlet>(
        &self,
        who: &Connection<O>,
        stock: &Stock,
    ) -> Result<(), Disconnected> {
        self.shared.open()?;
        let user = who.user();
        let mut state = user.lock();
        if let Some(at) = state.position_of(stock) {
            let follow = state.follows.swap_remove(at);
            self.shared.unfollow(user.id, &follow);
        }
        let mut frames = Frames::default();
        frames.push(self.shared.encoder(), &Message::Unsubscribed { stock });
        user.reply(&mut state, frames.bytes(), &self.shared);
        Ok(())
    }

    /// A price came from the broker. Nobody else may say so, which is why this is private.
    pub(crate) fn handle_message(&self, stock: Stock, price: Price) {
        Counters::add(&self.shared.counters.messages_in, 1);
        self.relay().price(stock, price);
    }

    /// Ends the manager: prices that wait are still told, every channel is left, the link is
    /// closed, and users are told that prices are stale. Users that are behind have until the drain
    /// deadline. Doing so twice is the same as once; afterwards each verb answers [`Disconnected`].
    pub async fn disconnect(&self) {
        self.shared.close();
        self.shared.ended.wait().await;
        // Whoever is still behind then is given up by its own deadline.
        let _ = timeout(self.shared.drain_deadline(), self.shared.nobody_behind()).await;
    }

    /// How the manager stands now.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn relay(&self) -> MutexGuard<'_, Relay> {
        self.relay.lock()
    }
}

impl fmt::Debug for PubSubManager {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "PubSubManager({:?}, {} users)",
            self.shared.feed(),
            self.shared.users.lock().len()
        )
    }
}
