//! Rounds of a play whose actors are users, a market and the manager.

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
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use user::{CountingSocket, User};

/// How many users are here at once, before the one who came first leaves.
const PRESENT: usize = 4;
/// How many prices the market makes in a round.
const PRICES: usize = 3;

/// How long the demonstration waits for the manager.
const TIMEOUT: Duration = Duration::from_secs(2);

/// One run of the play.
pub(crate) struct Demo {
    flags: Flags,
    screen: Arc<Screen>,
    manager: &'static PubSubManager,
    /// Present where the broker is in this process, which makes each run the same.
    here: Option<InProcess>,
    publisher: Publisher,
    random: Rng,
    market: Market,
    users: VecDeque<User>,
    came: u64,
    /// What all users got, counted by themselves.
    socket: CountingSocket,
    tally: Tally,
}

/// What the play knows to have happened, counted without asking the manager.
#[derive(Default)]
struct Tally {
    published: u64,
    unheard: u64,
    /// How many users followed the stock of a price, summed over all prices that were heard.
    owed: u64,
}

impl Demo {
    pub(crate) fn start(flags: Flags) -> Result<Self, StartError> {
        let redis = flags.redis();
        let (broker, here) = match redis.clone() {
            Some(url) => (BrokerAddress::Redis(url), None),
            None => {
                let broker = InProcess::default();
                (BrokerAddress::InProcess(broker.clone()), Some(broker))
            }
        };
        let screen = Arc::new(Screen::new(redis.as_ref()));
        let (publisher, listener) = (Publisher::new(&broker, ""), Arc::clone(&screen));
        let manager = PubSubManager::start(Options {
            broker,
            // A server waits a second before it leaves a channel. Here one sees cause and effect.
            leave_delay: if here.is_some() {
                Duration::ZERO
            } else {
                Duration::from_secs(1)
            },
            hub: HubOptions {
                on_event: Some(Arc::new(move |event| listener.event(event))),
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

    /// Plays until the rounds are over, or until Ctrl-C.
    pub(crate) async fn run(&mut self) {
        self.quiet().await;
        let mut round = 0;
        while self.flags.forever || round < self.flags.rounds {
            round += 1;
            self.screen.round(round);
            self.a_user_comes().await;
            if self.users.len() > PRESENT {
                self.the_first_user_leaves().await;
            }
            if self.flags.has_market() {
                for _ in 0..PRICES {
                    self.a_price_is_published().await;
                }
            }
            sleep(self.flags.every).await;
        }
    }

    /// Everyone leaves, and the verdict is spoken.
    pub(crate) async fn end(mut self) {
        self.screen.end();
        while !self.users.is_empty() {
            self.the_first_user_leaves().await;
        }
        self.quiet().await;
        self.manager.disconnect().await;
        let verdict = self.verdict();
        self.screen.verdict(&verdict);
    }

    async fn a_user_comes(&mut self) {
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
                self.quiet().await;
            }
        }
        self.users.push_back(user);
    }

    /// Some leave each stock first, most just close the page: dropping the connection leaves every stock.
    async fn the_first_user_leaves(&mut self) {
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
        match self.publisher.publish(&[(stock, price)]).await {
            Ok(0) => {
                self.tally.published += 1;
                self.tally.unheard += 1;
                self.screen.unheard(stock, price);
            }
            Ok(_) => {
                self.tally.published += 1;
                self.tally.owed += self.followers(stock);
            }
            // The manager says that the broker is away; a price that was not taken is lost.
            Err(_) => {}
        }
        self.quiet().await;
    }

    fn followers(&self, stock: Stock) -> u64 {
        self.users
            .iter()
            .filter(|user| user.stocks.contains(&stock))
            .count() as u64
    }

    /// Waits until the manager has done what follows from the last act, so that no two runs differ.
    /// Over a Redis others act as well, and nothing is waited for.
    async fn quiet(&self) {
        let Some(broker) = &self.here else { return };
        let all_done = async {
            while !self.is_quiet(broker) {
                tokio::task::yield_now().await;
            }
        };
        // What has not come by then is lost, and the verdict will say so.
        let _ = timeout(TIMEOUT, all_done).await;
    }

    fn is_quiet(&self, broker: &InProcess) -> bool {
        let stats = self.manager.stats();
        let followed = stats.stocks.iter().map(|followed| followed.stock);
        stats.is_live()
            && stats.messages_in + self.tally.unheard == self.tally.published
            && self.socket.prices() == self.tally.owed
            && followed.eq(broker.channels())
    }

    fn verdict(&self) -> Verdict {
        let stats = self.manager.stats();
        let received = self.socket.prices();
        let Tally { unheard, owed, .. } = self.tally;
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
            "prices without a follower, not sent to this server: {unheard}"
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
