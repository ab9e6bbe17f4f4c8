//! Our shortening beside proptest's, on failing stories of the same server.
//!
//! `cargo test -p workbench --test shrinking -- --nocapture` prints the table.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use workbench::level::Level;
use workbench::relay::{Action, Deed, Event, Relay};
use workbench::shrink::shrink;
use workbench::story::{self, Step, Story};
use workbench::world::{Detail, tell};
use workbench::{InProcess, Server};

/// Failing stories of each server.
const STORIES: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    /// Asks the broker unless it has confirmed the stock.
    LooksAtConfirmed,
    /// Asks for nothing on a new connection.
    DoesNotReconnect,
    /// Counts users, also those who subscribe twice.
    Counts,
    /// Keeps the empty entry of a stock that no user wants.
    KeepsTheEmptyEntry,
}

struct Wrong {
    mistake: Mistake,
    users: BTreeMap<String, BTreeSet<String>>,
    count: BTreeMap<String, i32>,
    confirmed: BTreeSet<String>,
}

impl Wrong {
    fn new(mistake: Mistake) -> Self {
        Self {
            mistake,
            users: BTreeMap::new(),
            count: BTreeMap::new(),
            confirmed: BTreeSet::new(),
        }
    }

    fn subscribe(&mut self, user: String, stock: String) -> Vec<Action> {
        let count = self.count.entry(stock.clone()).or_default();
        *count += 1;
        let users = self.users.entry(stock.clone()).or_default();
        let is_first = users.insert(user) && users.len() == 1;
        let asks = match self.mistake {
            Mistake::LooksAtConfirmed => !self.confirmed.contains(&stock),
            Mistake::Counts => *count == 1,
            // The entry was there, so this user seems not to be the first.
            Mistake::KeepsTheEmptyEntry => is_first && *count == 1,
            Mistake::DoesNotReconnect => is_first,
        };
        let ask = asks.then_some(Action::ChannelSubscribe { stock });
        ask.into_iter().collect()
    }

    fn unsubscribe(&mut self, user: &str, stock: &str) -> Vec<Action> {
        let Some(users) = self.users.get_mut(stock) else {
            return vec![];
        };
        let was = users.remove(user);
        let is_last = was && users.is_empty();
        let leaves = match self.mistake {
            Mistake::Counts => {
                let count = self.count.entry(stock.to_owned()).or_default();
                *count -= 1;
                *count == 0
            }
            _ => is_last,
        };
        let leave = leaves.then(|| Action::ChannelUnsubscribe {
            stock: stock.to_owned(),
        });
        if users.is_empty() {
            self.users.remove(stock);
        }
        leave.into_iter().collect()
    }
}

impl Server<Relay> for Wrong {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::Connected => {
                self.confirmed.clear();
                if self.mistake == Mistake::DoesNotReconnect {
                    return vec![];
                }
                let stocks = self.users.keys().cloned();
                stocks
                    .map(|stock| Action::ChannelSubscribe { stock })
                    .collect()
            }
            Event::ChannelSubscribed { stock } => {
                self.confirmed.insert(stock);
                vec![]
            }
            Event::ChannelUnsubscribed { stock } => {
                self.confirmed.remove(&stock);
                vec![]
            }
            Event::UserSubscribe { user, stock } => self.subscribe(user, stock),
            Event::UserUnsubscribe { user, stock } => self.unsubscribe(&user, &stock),
            Event::UserDisconnected { user } => {
                let stocks: Vec<_> = self.users.keys().cloned().collect();
                let leave = stocks
                    .iter()
                    .flat_map(|stock| self.unsubscribe(&user, stock));
                leave.collect()
            }
            Event::Price { stock, number } => {
                let users = self.users.get(&stock).into_iter().flatten();
                let send = |user: &String| Action::Send {
                    user: user.clone(),
                    stock: stock.clone(),
                    number,
                };
                users.map(send).collect()
            }
            Event::Disconnected | Event::Timer { .. } => vec![],
        }
    }
}

/// Lengths before and after, and how many stories were told to get there.
#[derive(Default)]
struct Lengths {
    before: Vec<usize>,
    after: Vec<usize>,
    told: usize,
}

impl Lengths {
    fn words(&mut self) -> String {
        self.before.sort_unstable();
        self.after.sort_unstable();
        let last = self.after.len() - 1;
        format!(
            "before: median {}, longest {}; after: median {}, 90 % {}, longest {}; {} told each",
            self.before[last / 2],
            self.before[last],
            self.after[last / 2],
            self.after[last * 9 / 10],
            self.after[last],
            self.told / self.after.len()
        )
    }
}

fn ours(mistake: Mistake) -> Lengths {
    let steps = story::steps::<Relay>(Level::Crashes);
    let mut host = InProcess::new(|| Wrong::new(mistake));
    let mut lengths = Lengths::default();
    for seed in 1.. {
        let random = story::random::<Relay>(&steps, seed);
        if tell::<Relay>(&random, &mut host, Detail::Verdict)
            .fault
            .is_none()
        {
            continue;
        }
        lengths.before.push(random.len());
        let short = shrink::<Relay>(random, |story| {
            lengths.told += 1;
            let ended = tell::<Relay>(story, &mut host, Detail::Verdict);
            let part = || ended.happened.iter().map(|at| story[*at].clone()).collect();
            ended.fault.is_some().then(part)
        });
        lengths.after.push(short.len());
        if lengths.after.len() == STORIES {
            break;
        }
    }
    lengths
}

fn proptests(mistake: Mistake) -> Lengths {
    let steps = story::steps::<Relay>(Level::Crashes);
    let steps: Vec<Step<Deed>> = steps.into_iter().map(|(_, step)| step).collect();
    let strategy = prop::collection::vec(prop::sample::select(steps), 2..40);
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut host = InProcess::new(|| Wrong::new(mistake));
    let mut fails = |story: &Story<Relay>| {
        let ended = tell::<Relay>(story, &mut host, Detail::Verdict);
        ended.fault.is_some()
    };
    let mut lengths = Lengths::default();
    while lengths.after.len() < STORIES {
        let mut tree = strategy.new_tree(&mut runner).expect("a list of steps");
        let mut best = tree.current();
        if !fails(&best) {
            continue;
        }
        lengths.before.push(best.len());
        // The loop of proptest's own runner.
        let mut goes_on = tree.simplify();
        while goes_on {
            lengths.told += 1;
            let current = tree.current();
            goes_on = if fails(&current) {
                best = current;
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        lengths.after.push(best.len());
    }
    lengths
}

#[test]
fn our_stories_are_not_longer_than_proptests() {
    for mistake in [
        Mistake::LooksAtConfirmed,
        Mistake::DoesNotReconnect,
        Mistake::Counts,
        Mistake::KeepsTheEmptyEntry,
    ] {
        let (mut ours, mut theirs) = (ours(mistake), proptests(mistake));
        println!(
            "{mistake:?}\n  ours      {}\n  proptest  {}",
            ours.words(),
            theirs.words()
        );
        let sum = |lengths: &Lengths| lengths.after.iter().sum::<usize>();
        assert!(sum(&ours) <= sum(&theirs), "{mistake:?}");
        assert!(ours.after.iter().all(|steps| *steps <= 6), "{mistake:?}");
    }
}
