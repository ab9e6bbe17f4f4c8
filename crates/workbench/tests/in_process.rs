//! Servers in Rust, in this process: all stories of four steps in a second or two.

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;

use support::example;
use support::right::{self, PubSubManager};
use workbench::cache::Cache;
use workbench::instance::{self, Instance};
use workbench::level::Level;
use workbench::moves::Moves;
use workbench::relay::{self, Relay};
use workbench::rooms::Rooms;
use workbench::search::{Found, Options, Outcome, Tried, Watch, search};
use workbench::slow::Slow;
use workbench::story::{self, Step};
use workbench::words;
use workbench::world::{Detail, tell};
use workbench::{Challenge, InProcess, Server};

/// Wrong: one list for both servers, because they happen to share a process.
struct OneStatic;

static GAMES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Server<Instance> for OneStatic {
    fn on(&mut self, _now: u64, event: instance::Event) -> Vec<instance::Action> {
        let mut games = GAMES.lock().expect("no holder panics");
        match event {
            instance::Event::AddGame { request, game } => {
                games.insert(game);
                vec![instance::Action::ReplyAdded { request }]
            }
            instance::Event::CountGames { request } => {
                let games = games.len();
                vec![instance::Action::ReplyCount { request, games }]
            }
            _ => vec![],
        }
    }
}

/// Wrong: panics at the first price.
struct Panics;

impl Server<Relay> for Panics {
    fn on(&mut self, _now: u64, event: relay::Event) -> Vec<relay::Action> {
        match event {
            relay::Event::UserSubscribe { stock, .. } => {
                vec![relay::Action::ChannelSubscribe { stock }]
            }
            relay::Event::Price { stock, .. } => panic!("who wants {stock}?"),
            _ => vec![],
        }
    }
}

/// Counts the levels that held.
#[derive(Default)]
struct Levels(Vec<(Level, Tried)>);

impl Watch for Levels {
    fn goes_on(&mut self, _: Level, _: &Tried) -> bool {
        true
    }

    fn held(&mut self, level: Level, tried: &Tried) {
        self.0.push((level, *tried));
    }
}

const OPTIONS: Options = Options {
    level: Level::Crashes,
    depth: Some(3),
    stories: 1_000,
    seed: 1,
    shorten: 5,
    story: None,
    figure: None,
};

fn found<C: Challenge, S: Server<C>>(make: impl Fn() -> S) -> Found<C::Deed> {
    let mut host = InProcess::new(make);
    match search::<C>(&OPTIONS, &mut host, &mut Levels::default()) {
        Outcome::Broken(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_right_server_of_each_challenge_holds_at_each_level_and_each_level_tells_more() {
    fn holds<C: Challenge, S: Server<C>>(of: usize, make: impl Fn() -> S) {
        let mut levels = Levels::default();
        let outcome = search::<C>(&OPTIONS, &mut InProcess::new(make), &mut levels);
        assert!(matches!(outcome, Outcome::Held), "{outcome:?}");
        let told: Vec<_> = levels.0.iter().map(|(_, tried)| tried.stories).collect();
        assert_eq!(told.len(), of);
        assert!(told.is_sorted() && told[0] > 1_000, "{told:?}");
        assert_eq!(levels.0[0].1.faults, 0, "there are faults at level 1");
    }
    holds::<Moves, _>(3, right::Api::default);
    holds::<Cache, _>(3, right::Copied::default);
    holds::<Rooms, _>(3, right::Room::default);
    holds::<Instance, _>(3, right::GameManager::default);
    holds::<Relay, _>(3, PubSubManager::default);
    // Nothing crashes in it.
    holds::<Slow, _>(2, right::Feed::default);
}

#[test]
fn the_same_seed_is_the_same_story_in_every_version() {
    let steps = story::steps::<Relay>(Level::Crashes);
    let told = story::random::<Relay>(&steps, 8);
    assert_eq!(told, story::random::<Relay>(&steps, 8));
    let text = serde_json::to_string(&told[..3]).expect("plain data");
    assert_eq!(text, SEED_8);
}

const SEED_8: &str = r#"[{"do":{"user_unsubscribe":["Ben","APPL"]}},{"do":{"user_unsubscribe":["Ann","GOOG"]}},{"do":{"user_subscribe":["Ann","GOOG"]}}]"#;

#[test]
fn any_part_of_a_story_is_a_story() {
    let steps = story::steps::<Relay>(Level::Crashes);
    let mut host = InProcess::new(PubSubManager::default);
    for seed in 1..200 {
        let whole = story::random::<Relay>(&steps, seed);
        let part: Vec<_> = whole.iter().step_by(2).cloned().collect();
        let ended = tell::<Relay>(&part, &mut host, Detail::Words);
        assert!(ended.fault.is_none(), "{}", words::story(&ended));
        assert_eq!(ended.steps, part.len());
    }
}

#[test]
fn a_story_is_read_as_it_was_written() {
    let steps = story::steps::<Relay>(Level::Crashes);
    let told = story::random::<Relay>(&steps, 5);
    let file = support::folder().join("written.story");
    story::write::<Relay>(&file, &told).expect("the target folder can be written");
    assert_eq!(
        story::read::<Relay>(&file).expect("it was just written"),
        told
    );
}

#[test]
fn a_panic_names_its_file_and_line_and_is_found_in_one_step() {
    let found = found::<Relay, _>(|| Panics);
    assert_eq!(found.story.len(), 1, "{found:?}");
    let ended = tell::<Relay>(&found.story, &mut InProcess::new(|| Panics), Detail::Words);
    let told = words::story(&ended);
    assert!(told.contains("The server fails: panicked at"), "{told}");
    assert!(told.contains("in_process.rs:"), "{told}");
    assert!(told.contains("who wants APPL?"), "{told}");
}

#[test]
fn a_static_that_both_servers_share_is_found_although_they_share_a_process() {
    let found = found::<Instance, _>(|| OneStatic);
    assert!(found.story.len() <= 2, "{found:?}");
}

#[test]
fn what_was_sent_on_a_lost_connection_is_lost() {
    let story = [
        r#"{"slow":["server","broker"]}"#,
        r#"{"do":{"user_subscribe":["Ann","APPL"]}}"#,
        r#"{"do":"disconnect"}"#,
        r#"{"fast":["server","broker"]}"#,
    ];
    let story: Vec<Step<relay::Deed>> = story
        .iter()
        .map(|step| serde_json::from_str(step).expect("a step"))
        .collect();
    let ended = tell::<Relay>(
        &story,
        &mut InProcess::new(PubSubManager::default),
        Detail::Words,
    );
    let told = words::story(&ended);
    let once = "channel_subscribed APPL";
    assert_eq!(told.matches(once).count(), 1, "{told}");
    assert!(ended.fault.is_none(), "{told}");
}

#[test]
fn each_first_server_runs_and_fails_with_the_story_that_everybody_meets_first() {
    for (challenge, level, steps, rule) in [
        ("moves", 2, 3, "a move that is sent twice is played once"),
        (
            "cache",
            2,
            3,
            "a server never replies with a game that lacks a move",
        ),
        ("rooms", 1, 1, "what a user sees is stored"),
        (
            "instance",
            1,
            1,
            "a game that was added is counted, by every server",
        ),
        (
            "relay",
            1,
            2,
            "subscribed at the broker to exactly the stocks",
        ),
        ("slow", 2, 4, "one price at a time is written to a socket"),
    ] {
        let run = example(challenge, &["--stories", "300"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(rule), "{challenge}: {words}");
        assert!(
            words.contains(&format!("level {level}")),
            "{challenge}: {words}"
        );
        assert!(
            words.contains(&format!(" {steps} step")),
            "{challenge}: {words}"
        );
    }
}

#[test]
fn a_story_can_be_told_and_drawn_again_from_its_file() {
    let folder = support::folder();
    let figure = folder.join("relay.html").display().to_string();
    let found = example("relay", &["--figure", &figure]);
    assert_eq!(found.code, Some(1), "{found:?}");
    let drawn = std::fs::read_to_string(&figure).expect("a figure was written");
    let steps = drawn.matches("<li ").count();
    assert!(
        drawn.contains(&format!("data-steps=\"{steps}\"")),
        "{drawn}"
    );
    let again = example("relay", &["--story", "target/workbench/relay.story"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(found.stdout.contains(again.stdout.trim_end()), "{again:?}");
}
