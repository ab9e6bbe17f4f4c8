//! Random users against a simple model: whatever happens in between, after every quiet point what
//! is subscribed equals what is wanted, every user has the newest price, and nothing leaks.
//!
//! The model has the users and their stocks, and no connections, answers or retries. Tokio's clock is
//! paused, so a minute of silence costs nothing.

use super::test_broker::TestBroker;
use super::test_client::{Received, TestClient};
use crate::{Connection, Feed, HubOptions, Options, Pace, PubSubManager, Stock, UserId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Few, so that they meet: most faults need two of something at one stock.
const USERS: usize = 4;
pub(super) const STOCKS: [&str; 3] = ["APPL", "BRK.B", "TSLA"];

/// Long enough for every retry, probe and unsubscribe that is still to come.
const QUIET: Duration = Duration::from_secs(90);

/// Steps of one story; a story is what shrinks when it fails.
const STEPS: usize = 100;

prop_state_machine! {
    #![proptest_config(Config { cases: stories(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_what_is_subscribed_becomes_what_is_wanted(sequential STEPS => Story);
}

/// Thirty thousand steps in CI, three thousand for a learner who waits.
fn stories() -> u32 {
    if std::env::var_os("CI").is_some() {
        300
    } else {
        30
    }
}

pub(super) type User = usize;
pub(super) type Name = &'static str;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Connect(User),
    /// The connection is dropped, without an unsubscribe.
    Disconnect(User),
    Subscribe(User, Name),
    Unsubscribe(User, Name),
    /// This many prices, without a pause.
    Publish(Name, usize),
    /// The same, by a publisher that does not store them.
    PublishOnly(Name, usize),
    PublishInvalid(Name, Vec<u8>),
    /// The user takes this many bytes more, then reads nothing.
    Stall(User, usize),
    Read(User),
    /// The user's socket breaks, and the caller has not noticed yet.
    HangUp(User),
    CutConnections,
    /// The connections stay, and are silent from now on.
    DeafenConnections,
    BrokerDown,
    BrokerUp,
    Refuse(Name),
    Allow(Name),
    /// Each answer of the broker takes this many milliseconds.
    Delay(u64),
    /// Time passes, in milliseconds.
    Pass(u64),
    /// Every user reads, the broker is up, and nothing happens for a while.
    Quiet,
}

impl Step {
    fn publish_invalid((stock, bytes): (Name, Vec<u8>)) -> Self {
        Self::PublishInvalid(stock, bytes)
    }
}

/// What must be true at a quiet point: the users and their stocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) users: BTreeMap<User, BTreeSet<Name>>,
    /// Users whose sockets are broken: they are sent nothing, and stay until they are disconnected.
    pub(super) deaf: BTreeSet<User>,
    refused: BTreeSet<Name>,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    // A table of steps and their weights, so it is as long as the table.
    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let user = 0..USERS;
        let stock = || select(STOCKS.to_vec());
        let mut steps: Vec<(u32, BoxedStrategy<Step>)> = vec![
            (2, user.prop_map(Step::Connect).boxed()),
            (
                2,
                (stock(), 1..4_usize)
                    .prop_map(|(stock, n)| Step::Publish(stock, n))
                    .boxed(),
            ),
            (
                2,
                (stock(), 1..4_usize)
                    .prop_map(|(stock, n)| Step::PublishOnly(stock, n))
                    .boxed(),
            ),
            (
                1,
                (stock(), vec(any::<u8>(), 0..20))
                    .prop_map(Step::publish_invalid)
                    .boxed(),
            ),
            (1, Just(Step::CutConnections).boxed()),
            (1, Just(Step::DeafenConnections).boxed()),
            (1, Just(Step::BrokerDown).boxed()),
            (1, Just(Step::BrokerUp).boxed()),
            (
                2,
                select(vec![0, 1, 50, 700, 3_000])
                    .prop_map(Step::Delay)
                    .boxed(),
            ),
            (1, stock().prop_map(Step::Refuse).boxed()),
            (1, stock().prop_map(Step::Allow).boxed()),
            (6, (1..100_u64).prop_map(Step::Pass).boxed()),
            // About as long as an unsubscribe waits.
            (6, (900..1_200_u64).prop_map(Step::Pass).boxed()),
            (4, (1..3_000_u64).prop_map(Step::Pass).boxed()),
            (6, Just(Step::Quiet).boxed()),
        ];
        let users: Vec<User> = state.users.keys().copied().collect();
        if !users.is_empty() {
            let user = || select(users.clone());
            steps.extend([
                (1, user().prop_map(Step::Disconnect).boxed()),
                (1, user().prop_map(Step::HangUp).boxed()),
                (
                    8,
                    (user(), stock())
                        .prop_map(|(user, stock)| Step::Subscribe(user, stock))
                        .boxed(),
                ),
                (
                    4,
                    (user(), stock())
                        .prop_map(|(user, stock)| Step::Unsubscribe(user, stock))
                        .boxed(),
                ),
                (
                    4,
                    (user(), 0..150_usize)
                        .prop_map(|(user, n)| Step::Stall(user, n))
                        .boxed(),
                ),
                (4, user().prop_map(Step::Read).boxed()),
            ]);
        }
        let wanted: Vec<Name> = state.wanted().into_iter().collect();
        if !wanted.is_empty() {
            let stock = || select(wanted.clone());
            steps.extend([
                (
                    14,
                    (stock(), 1..4_usize)
                        .prop_map(|(stock, n)| Step::Publish(stock, n))
                        .boxed(),
                ),
                (
                    3,
                    (stock(), 60..200_usize)
                        .prop_map(|(s, n)| Step::Publish(s, n))
                        .boxed(),
                ),
            ]);
        }
        Union::new_weighted(steps).boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        match step {
            Step::Connect(user) => !state.users.contains_key(user),
            Step::Disconnect(user)
            | Step::Unsubscribe(user, _)
            | Step::Stall(user, _)
            | Step::Read(user)
            | Step::HangUp(user) => state.users.contains_key(user),
            // A user cannot subscribe through a broken socket.
            Step::Subscribe(user, _) => {
                state.users.contains_key(user) && !state.deaf.contains(user)
            }
            // Random digits would be a valid price.
            Step::PublishInvalid(_, bytes) => crate::Price::from_bytes(bytes).is_err(),
            _ => true,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        match step {
            Step::Connect(user) => drop(state.users.insert(*user, BTreeSet::new())),
            Step::Disconnect(user) => {
                state.users.remove(user);
                state.deaf.remove(user);
            }
            Step::HangUp(user) => drop(state.deaf.insert(*user)),
            Step::Subscribe(user, stock) => {
                state.users.entry(*user).or_default().insert(stock);
            }
            Step::Unsubscribe(user, stock) => {
                state.users.entry(*user).or_default().remove(stock);
            }
            Step::Refuse(stock) => drop(state.refused.insert(stock)),
            Step::Allow(stock) => drop(state.refused.remove(stock)),
            _ => {}
        }
        state
    }
}

impl Model {
    pub(super) fn wanted(&self) -> BTreeSet<Name> {
        self.users.values().flatten().copied().collect()
    }
}

/// The manager over the in-process broker, and all that its users were sent.
struct Story {
    runtime: Runtime,
    broker: TestBroker,
    manager: Arc<PubSubManager>,
    users: BTreeMap<User, TestUser>,
    /// Users that have disconnected, and how many messages each had been sent by then.
    gone: Vec<(TestClient, usize)>,
    /// Prices are numbered, so that order and repetition can be seen.
    published: u64,
    /// The prices of each stock that reached this server's connections.
    arrived: BTreeMap<Name, Vec<u64>>,
    /// Stocks that have a stored price.
    stored: BTreeSet<Name>,
    /// The numbers of the prices that were not stored.
    unstored: BTreeSet<u64>,
    /// Stocks whose newest message was not a price: they are stale for those who were there.
    invalid: BTreeSet<Name>,
    /// The number of the last price that had surely arrived, and been relayed, at a quiet point.
    settled: u64,
}

struct TestUser {
    connection: Connection<TestClient>,
    client: TestClient,
    subscribed: BTreeMap<Name, SubscribedAt>,
}

/// The numbers of the last prices when a user subscribed to a stock.
#[derive(Clone, Copy)]
struct SubscribedAt {
    published: u64,
    settled: u64,
}

impl StateMachineTest for Story {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let broker = TestBroker::default();
        let options = Options {
            hub: HubOptions {
                // Only a quiet point decides here when a stalled user reads again.
                slow_consumer_timeout: Duration::from_secs(3_600),
                ..HubOptions::default()
            },
            ..Options::default()
        };
        let handle = runtime.handle().clone();
        let manager = PubSubManager::with_broker(broker.clone(), options, handle);
        Self {
            runtime,
            broker,
            manager,
            users: BTreeMap::new(),
            gone: Vec::new(),
            published: 0,
            arrived: BTreeMap::new(),
            stored: BTreeSet::new(),
            unstored: BTreeSet::new(),
            invalid: BTreeSet::new(),
            settled: 0,
        }
    }

    fn apply(mut story: Self, model: &Model, step: Step) -> Self {
        match step {
            Step::Connect(user) => story.connect(user),
            Step::Disconnect(user) => {
                let test_user = story
                    .users
                    .remove(&user)
                    .expect("the model says it is connected");
                drop(test_user.connection);
                let received = test_user.client.received().len();
                story.gone.push((test_user.client, received));
            }
            Step::Subscribe(user, stock) => story.subscribe(user, stock),
            Step::Unsubscribe(user, stock) => story.unsubscribe(user, stock),
            Step::Publish(stock, times) => story.publish(stock, times),
            Step::PublishOnly(stock, times) => story.publish_only(stock, times),
            Step::PublishInvalid(stock, bytes) => {
                if story.broker.publish_unchecked(parsed(stock), &bytes) > 0 {
                    story.invalid.insert(stock);
                }
            }
            Step::Stall(user, bytes) => story.users[&user].client.take_only(bytes),
            Step::Read(user) => story.users[&user].client.take_all(),
            Step::HangUp(user) => story.users[&user].client.hang_up(),
            Step::CutConnections => {
                story.broker.cut_connections();
            }
            // What was published before still arrives, and what comes after is not counted.
            Step::DeafenConnections => story.broker.deafen_connections(),
            Step::BrokerDown => {
                story.broker.go_down();
            }
            Step::BrokerUp => story.broker.come_up(),
            Step::Refuse(stock) => story.broker.refuse(parsed(stock)),
            Step::Allow(stock) => story.broker.allow(parsed(stock)),
            Step::Delay(milliseconds) => {
                story.broker.delay(Duration::from_millis(milliseconds));
            }
            Step::Pass(milliseconds) => story.pass(Duration::from_millis(milliseconds)),
            Step::Quiet => {
                story.broker.come_up();
                story
                    .users
                    .values()
                    .for_each(|test_user| test_user.client.take_all());
                story.pass(QUIET);
                story.check(model);
            }
        }
        story
    }

    fn teardown(mut story: Self, model: Model) {
        story.quiet();
        story.check(&model);
        for (_, test_user) in std::mem::take(&mut story.users) {
            drop(test_user.connection);
        }
        story.quiet();
        story.check(&Model::default());
        for _ in 0..2 {
            story.runtime.block_on(story.manager.disconnect());
        }
        assert!(
            story
                .manager
                .connect(UserId(1), TestClient::default())
                .is_err()
        );
    }
}

impl Story {
    fn connect(&mut self, user: User) {
        let client = TestClient::default();
        let connection = self
            .manager
            .connect_at_pace(UserId(user as u64), client.clone(), pace_of(user))
            .unwrap();
        self.users.insert(
            user,
            TestUser {
                connection,
                client,
                subscribed: BTreeMap::new(),
            },
        );
    }

    fn subscribe(&mut self, user: User, stock: Name) {
        let test_user = self
            .users
            .get_mut(&user)
            .expect("the model says it is connected");
        let now = SubscribedAt {
            published: self.published,
            settled: self.settled,
        };
        test_user.subscribed.entry(stock).or_insert(now);
        self.manager
            .user_subscribe(&test_user.connection, parsed(stock))
            .unwrap();
    }

    fn unsubscribe(&mut self, user: User, stock: Name) {
        let test_user = self
            .users
            .get_mut(&user)
            .expect("the model says it is connected");
        test_user.subscribed.remove(stock);
        self.manager
            .user_unsubscribe(&test_user.connection, &parsed(stock))
            .unwrap();
    }

    fn publish(&mut self, stock: Name, times: usize) {
        for _ in 0..times {
            self.published += 1;
            let price = self.published.to_string().parse().unwrap();
            self.stored.insert(stock);
            let received = self.broker.publish(parsed(stock), price);
            self.count_arrival(stock, received);
        }
    }

    fn publish_only(&mut self, stock: Name, times: usize) {
        for _ in 0..times {
            self.published += 1;
            self.unstored.insert(self.published);
            let price = self.published.to_string();
            let received = self
                .broker
                .publish_unchecked(parsed(stock), price.as_bytes());
            self.count_arrival(stock, received);
        }
    }

    fn count_arrival(&mut self, stock: Name, received: u64) {
        if received > 0 {
            self.arrived.entry(stock).or_default().push(self.published);
            self.invalid.remove(stock);
        }
    }

    fn quiet(&mut self) {
        self.broker.come_up();
        self.users
            .values()
            .for_each(|test_user| test_user.client.take_all());
        self.pass(QUIET);
        self.settled = self.published;
    }

    fn pass(&mut self, time: Duration) {
        // A paused clock moves only when there is nothing else to do, so all that can happen
        // before the time is over has happened.
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    fn check(&self, model: &Model) {
        let wanted = model.wanted();
        let subscribed: BTreeSet<Name> = STOCKS
            .into_iter()
            .filter(|stock| self.broker.subscribers(parsed(stock)) > 0)
            .collect();
        for stock in STOCKS {
            let subscribers = self.broker.subscribers(parsed(stock));
            assert!(
                subscribers <= 1,
                "{stock} is subscribed {subscribers} times by one server"
            );
        }
        assert!(
            subscribed.is_subset(&wanted),
            "{subscribed:?} is subscribed, {wanted:?} wanted"
        );
        // A refusal concerns the next subscribe: what is subscribed stays subscribed.
        let missing: BTreeSet<Name> = wanted.difference(&subscribed).copied().collect();
        assert!(
            missing.is_subset(&model.refused),
            "{missing:?} is wanted and not subscribed"
        );

        let stats = self.manager.stats();
        assert_eq!(stats.feed, Feed::Live);
        assert_eq!(stats.users, model.users.len() as u64);
        let subscriptions: usize = model.users.values().map(BTreeSet::len).sum();
        assert_eq!(stats.subscriptions, subscriptions as u64);
        assert_eq!(stats.channels_wanted, wanted.len() as u64);
        assert_eq!(stats.channels_confirmed, subscribed.len() as u64);
        assert_eq!(
            self.manager.hub.channels_known(),
            wanted.len(),
            "a stock without users is kept"
        );

        for (client, received) in &self.gone {
            assert_eq!(
                client.received().len(),
                *received,
                "a user was sent something after it had disconnected"
            );
        }
        assert_eq!(self.users.len(), model.users.len());
        for (user, test_user) in &self.users {
            if model.deaf.contains(user) {
                View::read(&test_user.client.received(), &self.unstored);
                continue;
            }
            self.check_user(test_user, &model.users[user], &missing);
        }
    }

    fn check_user(&self, test_user: &TestUser, stocks: &BTreeSet<Name>, missing: &BTreeSet<Name>) {
        assert!(!test_user.client.is_closed());
        let received = test_user.client.received();
        assert!(
            matches!(received.first(), Some(Received::Status { stock: None, .. })),
            "status is first"
        );
        let view = View::read(&received, &self.unstored);
        assert_eq!(view.feed, Some(Feed::Live));
        let says: BTreeSet<&str> = view.stocks.keys().map(String::as_str).collect();
        assert_eq!(says, stocks.iter().copied().collect::<BTreeSet<&str>>());

        for stock in stocks {
            let prices = &view.stocks[*stock];
            if !self.invalid.contains(stock) {
                assert_eq!(
                    prices.stale,
                    missing.contains(stock),
                    "the status of {stock} as the user was sent it"
                );
            }
            let since = test_user.subscribed[stock];
            let arrived = self.arrived.get(stock).map_or(&[][..], Vec::as_slice);
            let owed = arrived.iter().filter(|number| **number > since.published);
            if let Some(newest) = owed.clone().max() {
                assert_eq!(
                    prices.newest,
                    Some(*newest),
                    "the newest price of {stock}: {received:#?}"
                );
            } else if self.stored.contains(stock) && !missing.contains(stock) {
                assert!(
                    prices.newest.is_some(),
                    "{stock} has a last price, and its user was sent none: {received:#?}"
                );
            }
            // It also gets prices that had arrived, and were not yet relayed, when it subscribed.
            let perhaps = arrived.iter().filter(|number| **number > since.settled);
            let range = owed.count()..=perhaps.count();
            let total = usize::try_from(prices.received + prices.missed).unwrap();
            assert!(
                range.contains(&total),
                "{stock}: {total} is not in {range:?}: {received:#?}"
            );
        }
    }
}

/// What one user can conclude from what it was sent.
#[derive(Default)]
pub(super) struct View {
    feed: Option<Feed>,
    pub(super) stocks: BTreeMap<String, Prices>,
}

#[derive(Default)]
pub(super) struct Prices {
    newest: Option<u64>,
    received: u64,
    missed: u64,
    pub(super) stale: bool,
}

impl View {
    /// Reads all that a user was sent, and fails at a message that must not follow the ones before it.
    pub(super) fn read(story: &[Received], unstored: &BTreeSet<u64>) -> Self {
        let mut view = Self::default();
        // The newest price of each stock that this user was ever sent, also before it unsubscribed. One
        // that was not stored leaves an older price behind it, for users that subscribe later.
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for received in story {
            match received {
                Received::Subscribed(stock) => {
                    view.stocks.entry(stock.clone()).or_default();
                }
                Received::Unsubscribed(stock) => drop(view.stocks.remove(stock)),
                Received::Status { feed, stock: None } => view.feed = Some(*feed),
                Received::Status {
                    feed,
                    stock: Some(stock),
                } => {
                    let prices = view.stocks.get_mut(stock);
                    let prices = prices.unwrap_or_else(|| panic!("not subscribed: {received:?}"));
                    prices.stale = *feed == Feed::Stale;
                }
                Received::Price {
                    stock,
                    price,
                    last,
                    missed,
                } => {
                    let prices = view.stocks.get_mut(stock);
                    let prices = prices.unwrap_or_else(|| panic!("not subscribed: {received:?}"));
                    let number = price.parse().unwrap();
                    let newest = newest.entry(stock).or_default();
                    assert!(*newest <= number, "older than one before: {story:#?}");
                    if !unstored.contains(&number) {
                        *newest = number;
                    }
                    if *last {
                        assert_eq!(prices.newest, None, "only a first price is `last`");
                        assert_eq!(*missed, 0);
                    } else {
                        assert!(
                            prices.newest < Some(number),
                            "twice, or out of order: {story:#?}"
                        );
                        prices.received += 1;
                        prices.missed += missed;
                    }
                    prices.newest = Some(number);
                }
            }
        }
        view
    }
}

/// Every other user has a pace, which changes when it is sent prices, and nothing that is checked here.
fn pace_of(user: User) -> Option<Pace> {
    let pace = Pace::new(Duration::from_millis(500)).unwrap();
    user.is_multiple_of(2).then_some(pace)
}

pub(super) fn parsed(stock: Name) -> Stock {
    stock.parse().unwrap()
}
