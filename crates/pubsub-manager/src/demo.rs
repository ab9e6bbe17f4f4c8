//! Rounds of a demonstration, in which users, a market and the manager act.

mod flags;
mod market;
mod screen;
mod user;

pub(crate) use flags::Flags;

use fastrand::Rng;
use market::Market;
use pubsub_manager::{
    BrokerAddress, HubOptions, InProcess, Options, PubSubManager, Publisher, StartError, Stock,
    UserId,
};
use screen::{Screen, Verdict};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::{sleep, timeout};
use user::{CountingSocket, User};

/// How many users are connected before the oldest disconnects in each round.
const PRESENT: usize = 4;
/// How many prices the market makes in a round.
const PRICES: usize = 3;

/// How long the demonstration waits for the manager to finish what follows from one act.
const QUIET_TIMEOUT: Duration = Duration::from_secs(2);

/// One run of the demonstration.
pub(crate) struct Demo {
    flags: Flags,
    screen: Arc<Screen>,
    manager: &'static PubSubManager,
    /// The broker, if it is in this process; then each run is the same.
    here: Option<InProcess>,
    publisher: Publisher,
    random: Rng,
    market: Market,
    users: VecDeque<User>,
    came: u64,
    /// Counts what all users are sent.
    socket: CountingSocket,
    tally: Tally,
}

/// What has happened, counted without the manager's own counters.
#[derive(Default)]
struct Tally {
    published: u64,
    /// Prices that were not sent to this server, because its users are not subscribed to their stock.
    unsent: u64,
    /// Stocks whose last price the broker has.
    stored: HashSet<Stock>,
    /// How many users were subscribed to the stock of a price, summed over all prices that were sent; and
    /// the last price for each user that subscribed to a stock which had one.
    owed: u64,
}

impl Demo {
    pub(crate) fn start(flags: Flags) -> Result<Self, StartError> {
        let redis = flags.redis();
        let (broker, here) = match redis.clone() {
            Some(address) => (BrokerAddress::from(address), None),
            None => {
                let broker = InProcess::default();
                (BrokerAddress::InProcess(broker.clone()), Some(broker))
            }
        };
        let screen = Arc::new(Screen::new(redis.as_ref()));
        let (publisher, events) = (Publisher::new(&broker, ""), Arc::clone(&screen));
        let manager = PubSubManager::start(Options {
            broker,
            // A server waits a second before it unsubscribes. Here cause and effect are together.
            unsubscribe_delay: if here.is_some() {
                Duration::ZERO
            } else {
                Duration::from_secs(1)
            },
            hub: HubOptions {
                on_event: Some(Arc::new(move |event| events.event(event))),
                ..HubOptions::default()
            },
            ..Options::default()
        })?;
        Ok(Self {
            screen,
            manager,
            here,
            publisher,
            random: Rng::with_seed(flags.seed),
            market: Market::new(flags.seed),
            users: VecDeque::new(),
            came: 0,
            socket: CountingSocket::default(),
            tally: Tally::default(),
            flags,
        })
    }

    /// Plays all rounds; with `--forever` there is no last one.
    pub(crate) async fn run(&mut self) {
        self.quiet().await;
        let mut round = 0;
        while self.flags.forever || round < self.flags.rounds {
            round += 1;
            self.screen.round(round);
            self.a_user_connects().await;
            if self.users.len() > PRESENT {
                self.the_oldest_user_disconnects().await;
            }
            if self.flags.has_market() {
                for _ in 0..PRICES {
                    self.a_price_is_published().await;
                }
            }
            sleep(self.flags.every).await;
        }
    }

    /// Disconnects all users, and prints the verdict.
    pub(crate) async fn end(mut self) {
        self.screen.end();
        while !self.users.is_empty() {
            self.the_oldest_user_disconnects().await;
        }
        self.quiet().await;
        self.manager.disconnect().await;
        let verdict = self.verdict();
        self.screen.verdict(&verdict);
    }

    async fn a_user_connects(&mut self) {
        self.came += 1;
        let id = UserId(self.came);
        let Ok(connection) = self.manager.connect(id, self.socket.clone()) else {
            return;
        };
        let mut user = User {
            connection,
            stocks: Vec::new(),
        };
        for _ in 0..self.random.usize(1..=2) {
            let stock = self.market.favourite(&mut self.random);
            if !user.stocks.contains(&stock)
                && self.manager.user_subscribe(&user.connection, stock).is_ok()
            {
                user.stocks.push(stock);
                self.tally.owed += u64::from(self.tally.stored.contains(&stock));
                self.quiet().await;
            }
        }
        self.users.push_back(user);
    }

    /// A user with one stock unsubscribes first. The others only close the page: dropping the connection
    /// ends all of its subscriptions.
    async fn the_oldest_user_disconnects(&mut self) {
        let Some(user) = self.users.pop_front() else {
            return;
        };
        if user.stocks.len() == 1 {
            let _ = self
                .manager
                .user_unsubscribe(&user.connection, &user.stocks[0]);
        }
        drop(user);
        self.quiet().await;
    }

    async fn a_price_is_published(&mut self) {
        let (stock, price) = self.market.trade();
        let published = self.publisher.publish(&[(stock, price)]).await;
        if published.is_ok() {
            self.tally.stored.insert(stock);
        }
        match published {
            Ok(0) => {
                self.tally.published += 1;
                self.tally.unsent += 1;
                self.screen.unsent(stock, price);
            }
            Ok(_) => {
                self.tally.published += 1;
                self.tally.owed += self.users_of(stock);
            }
            // The manager reports that the broker is down; a price that it did not take is lost.
            Err(_) => {}
        }
        self.quiet().await;
    }

    fn users_of(&self, stock: Stock) -> u64 {
        self.users
            .iter()
            .filter(|user| user.stocks.contains(&stock))
            .count() as u64
    }

    /// Waits until the manager has finished what follows from the last act, so that no two runs differ.
    /// It returns immediately with a Redis, because others publish and subscribe there too.
    async fn quiet(&self) {
        let Some(broker) = &self.here else { return };
        let all_done = async {
            while !self.is_quiet(broker) {
                tokio::task::yield_now().await;
            }
        };
        // A price that has not arrived by then is lost, and the verdict says so.
        let _ = timeout(QUIET_TIMEOUT, all_done).await;
    }

    fn is_quiet(&self, broker: &InProcess) -> bool {
        let stats = self.manager.stats();
        let wanted = stats.stocks.iter().map(|users| users.stock);
        stats.is_live()
            && stats.messages_in + self.tally.unsent == self.tally.published
            && self.socket.prices() == self.tally.owed
            && wanted.eq(broker.channels())
    }

    fn verdict(&self) -> Verdict {
        let stats = self.manager.stats();
        let received = self.socket.prices();
        let Tally { unsent, owed, .. } = self.tally;
        let came = self.came;
        let users = match came {
            1 => "1 user".to_owned(),
            came => format!("{came} users"),
        };
        let mut details = vec![format!(
            "prices received over one connection: {}, sent to users: {received}",
            stats.messages_in
        )];
        if self.here.is_none() {
            details.push(format!(
                "prices missed: {}, messages not a price: {}, reconnects: {}",
                stats.missed, stats.invalid_messages, stats.reconnects
            ));
            let summary = format!("{users}, prices received: {received}");
            return Verdict { details, summary };
        }
        details.push(format!(
            "prices without a user, not sent to this server: {unsent}"
        ));
        details.push(format!(
            "channels still subscribed: {}",
            stats.channels_confirmed
        ));
        let balance = if received == owed {
            "none lost, none twice"
        } else {
            "not as many as were due"
        };
        let summary = format!("{users}, {received} of {owed} deliveries: {balance}");
        Verdict { details, summary }
    }
}
