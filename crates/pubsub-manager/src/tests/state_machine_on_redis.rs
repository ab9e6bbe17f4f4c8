//! The random users of the state machine over real servers: one Redis, and a cluster whose slots are moved.
//! No user is sent a price older than one before, each lost price is announced, and at a quiet point what
//! is subscribed equals what is wanted and every user has the newest price.
//!
//! A story takes as long as the servers need, so there are few. It is not shrunk: the second time it would
//! go another way.

use super::cluster_last_prices::{begin_move, end_move};
use super::eventually::eventually;
use super::server_on_cluster::{Stale, broker};
use super::state_machine::{Model, Name, STOCKS, Step, User, View, parsed};
use super::test_client::{Received, TestClient};
use crate::{BrokerAddress, Connection, HubOptions, Options, PubSubManager, Publisher, UserId};
use harness::{RedisCluster, RedisServer, SharedCluster};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const STEPS: usize = 100;

/// The in-process stories let minutes pass on a paused clock. Here a second is a few milliseconds.
const FASTER: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_over_one_redis() {
    if let Some(redis) = RedisServer::start() {
        play(Servers::One(redis)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_over_a_cluster_whose_slots_are_moved() {
    if let Some(cluster) = RedisCluster::shared() {
        play(Servers::Cluster(cluster)).await;
    }
}

async fn play(servers: Servers) {
    let mut runner = TestRunner::new(Config::default());
    let stories = Model::sequential_strategy(STEPS);
    let (mut model, steps, _) = stories.new_tree(&mut runner).unwrap().current();
    println!("{steps:#?}");
    let mut story = Story::start(servers).await;
    for step in steps {
        model = Model::apply(model, &step);
        story.apply(&model, step).await;
    }
    story.quiet(&model).await;
}

enum Servers {
    One(RedisServer),
    Cluster(SharedCluster),
}

impl Servers {
    fn broker(&self) -> BrokerAddress {
        match self {
            Self::One(redis) => BrokerAddress::Redis(redis.url().parse().unwrap()),
            Self::Cluster(cluster) => broker(cluster),
        }
    }

    fn nodes(&self) -> Vec<&RedisServer> {
        match self {
            Self::One(redis) => vec![redis],
            Self::Cluster(cluster) => cluster.running().collect(),
        }
    }

    fn subscribed(&self, channels: &BTreeSet<String>) -> BTreeMap<String, usize> {
        match self {
            Self::One(redis) => {
                let mut counts = redis.numsub(channels);
                counts.retain(|_, clients| *clients > 0);
                counts
            }
            Self::Cluster(cluster) => cluster.shard_numsub(channels),
        }
    }

    /// Moves the slot of a stock to another master, with what is stored there.
    fn move_slot(&self, stock: Name) {
        if let Self::Cluster(cluster) = self {
            let from = cluster.master_of(stock);
            let to = (0..6).find(|node| *node != from && cluster.is_master(*node));
            let to = to.expect("there are three masters");
            begin_move(cluster, stock, from, to);
            end_move(cluster, stock, from, to);
        }
    }
}

struct Story {
    servers: Servers,
    manager: Arc<PubSubManager>,
    publisher: Publisher,
    users: BTreeMap<User, TestUser>,
    /// The numbers of the prices that were published.
    published: BTreeMap<Name, Vec<u64>>,
    newest: u64,
    /// Those that were published only.
    unstored: BTreeSet<u64>,
    moved: usize,
}

struct TestUser {
    connection: Connection<TestClient>,
    client: TestClient,
    /// It stopped reading at some time. Then a status that is over is not sent to it any more.
    stalled: bool,
}

impl Story {
    async fn start(servers: Servers) -> Self {
        if let Servers::Cluster(cluster) = &servers {
            cluster.forget_keys();
        }
        let broker = servers.broker();
        let manager = PubSubManager::new(Options {
            broker: broker.clone(),
            unsubscribe_delay: Duration::from_millis(1_000 / FASTER),
            hub: HubOptions {
                // Only a quiet point decides here when a stalled user reads again.
                slow_consumer_timeout: Duration::from_secs(3_600),
                ..HubOptions::default()
            },
            ..Options::default()
        });
        let manager = manager.unwrap();
        eventually("the manager is live", || manager.stats().is_live()).await;
        Self {
            servers,
            manager,
            publisher: Publisher::new(&broker, ""),
            users: BTreeMap::new(),
            published: BTreeMap::new(),
            newest: 0,
            unstored: BTreeSet::new(),
            moved: 0,
        }
    }

    async fn apply(&mut self, model: &Model, step: Step) {
        match step {
            Step::Connect(user) => {
                let client = TestClient::default();
                let id = UserId(user as u64);
                let connection = self.manager.connect(id, client.clone()).unwrap();
                let stalled = false;
                let test_user = TestUser {
                    connection,
                    client,
                    stalled,
                };
                self.users.insert(user, test_user);
            }
            Step::Disconnect(user) => drop(self.users.remove(&user)),
            Step::Subscribe(user, stock) => {
                let connection = &self.users[&user].connection;
                let subscribed = self.manager.user_subscribe(connection, parsed(stock));
                subscribed.unwrap();
            }
            Step::Unsubscribe(user, stock) => {
                let connection = &self.users[&user].connection;
                let unsubscribed = self.manager.user_unsubscribe(connection, &parsed(stock));
                unsubscribed.unwrap();
            }
            Step::Publish(stock, times) => {
                for _ in 0..times {
                    self.publish(&self.publisher.clone(), stock).await;
                }
            }
            Step::PublishOnly(stock, times) => {
                let only = self.publisher.clone().with_last_price_ttl(Duration::ZERO);
                for _ in 0..times {
                    self.publish(&only, stock).await;
                    self.unstored.insert(self.newest);
                }
            }
            Step::Stall(user, bytes) => {
                let test_user = self.users.get_mut(&user).expect("it is connected");
                test_user.stalled = true;
                test_user.client.take_only(bytes);
            }
            Step::Read(user) => self.users[&user].client.take_all(),
            Step::HangUp(user) => self.users[&user].client.hang_up(),
            Step::CutConnections => {
                for node in self.servers.nodes() {
                    node.run::<()>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
                }
            }
            Step::BrokerDown | Step::DeafenConnections => {
                self.moved += 1;
                self.servers.move_slot(STOCKS[self.moved % STOCKS.len()]);
            }
            Step::Pass(milliseconds) => {
                sleep(Duration::from_millis(milliseconds / FASTER)).await;
            }
            Step::Quiet => self.quiet(model).await,
            // These faults are those of a broker that the tests have made.
            Step::PublishInvalid(..)
            | Step::BrokerUp
            | Step::Refuse(_)
            | Step::Allow(_)
            | Step::Delay(_) => {}
        }
    }

    async fn publish(&mut self, publisher: &Publisher, stock: Name) {
        self.newest += 1;
        let price = self.newest.to_string().parse().unwrap();
        publisher.publish(&[(parsed(stock), price)]).await.unwrap();
        self.published.entry(stock).or_default().push(self.newest);
    }

    /// Every user reads, everything becomes as it is wanted, and a price of each stock arrives.
    async fn quiet(&mut self, model: &Model) {
        self.users.values().for_each(|user| user.client.take_all());
        let names = STOCKS.map(str::to_owned).into();
        let wanted = model.wanted();
        let expected: BTreeMap<String, usize> = wanted
            .iter()
            .map(|stock| ((*stock).to_owned(), 1))
            .collect();
        eventually("the servers hold what the users want", || {
            let stats = self.manager.counts();
            let counts = [stats.channels_wanted, stats.channels_confirmed];
            counts == [wanted.len() as u64; 2]
                && stats.is_live()
                && self.servers.subscribed(&names) == expected
        })
        .await;
        for stock in wanted {
            self.publish(&self.publisher.clone(), stock).await;
        }
        for (user, test_user) in &self.users {
            if model.deaf.contains(user) {
                View::read(&test_user.client.received(), &self.unstored);
                continue;
            }
            for stock in &model.users[user] {
                let newest = self.published[stock].last().expect("one was published");
                let newest = newest.to_string();
                eventually("the newest price arrives", || {
                    test_user.client.prices(stock).last() == Some(&newest)
                })
                .await;
            }
            self.check(test_user);
        }
    }

    fn check(&self, test_user: &TestUser) {
        let received = test_user.client.received();
        let view = View::read(&received, &self.unstored);
        assert!(view.stocks.values().all(|prices| !prices.stale));
        if !test_user.stalled {
            for stock in STOCKS {
                self.check_that_losses_are_announced(stock, &received);
            }
        }
    }

    /// Between two prices on one subscription nothing is left out without a word.
    fn check_that_losses_are_announced(&self, stock: Name, story: &[Received]) {
        let published = self.published.get(stock).map_or(&[][..], Vec::as_slice);
        let (mut before, mut stale) = (None, Stale::default());
        for received in story {
            match received {
                Received::Status { feed, stock: None } => stale.set(false, *feed),
                Received::Status {
                    feed,
                    stock: Some(of),
                } if of == stock => stale.set(true, *feed),
                Received::Subscribed(of) if of == stock => before = None,
                Received::Price {
                    stock: of,
                    price,
                    last,
                    missed,
                } if of == stock => {
                    let number: u64 = price.parse().unwrap();
                    if let Some((before, was_last)) = before {
                        // Prices that are not stored may have come between a stored one and the subscribe.
                        let counts = |price: &&u64| {
                            **price > before
                                && **price < number
                                && !(was_last && self.unstored.contains(price))
                        };
                        let left_out = published.iter().filter(counts).count() as u64;
                        assert!(
                            left_out <= *missed || stale.since_last_price,
                            "{stock}: {left_out} before {number} are lost silently: {story:#?}"
                        );
                    }
                    before = Some((number, *last));
                    stale.since_last_price = stale.is_now();
                }
                _ => {}
            }
        }
    }
}
