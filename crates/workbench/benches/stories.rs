//! Stories a second of a whole search, in this process and with Node as a child, and the first build.
//!
//! `cargo bench -p workbench` prints them. `cargo test -p workbench --test shrinking -- --nocapture` prints how
//! long stories are before and after they are shortened.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use right::{Api, Copied, Feed, GameManager, PubSubManager, Room};
use workbench::cache::Cache;
use workbench::instance::Instance;
use workbench::level::Level;
use workbench::moves::Moves;
use workbench::relay::Relay;
use workbench::rooms::Rooms;
use workbench::search::{Options, Outcome, Tried, Watch, search};
use workbench::slow::Slow;
use workbench::{Challenge, Host, InProcess, Processes, Server};

#[path = "../tests/support/right.rs"]
mod right;

/// What the flags say if a user gives none.
const OPTIONS: Options = Options {
    level: Level::Crashes,
    depth: None,
    stories: 2_000,
    seed: 1,
    shorten: 5,
    story: None,
    figure: None,
};

/// The stories of all levels.
#[derive(Default)]
struct Sum(u64);

impl Watch for Sum {
    fn goes_on(&mut self, _: Level, _: &Tried) -> bool {
        true
    }

    fn held(&mut self, _: Level, tried: &Tried) {
        self.0 += tried.stories;
    }
}

fn measured<C: Challenge>(how: &str, host: &mut dyn Host<C>) {
    let (mut sum, begun) = (Sum::default(), Instant::now());
    let outcome = search::<C>(&OPTIONS, host, &mut sum);
    assert!(matches!(outcome, Outcome::Held), "{}: {outcome:?}", C::NAME);
    let (name, seconds) = (C::NAME, begun.elapsed().as_secs_f64());
    let each = sum.0 as f64 / seconds;
    println!(
        "{name:>8}, {how}: {:>6} stories in {seconds:>5.2} s, {each:>7.0} a second",
        sum.0
    );
}

fn both<C: Challenge, S: Server<C>>(make: impl Fn() -> S) {
    measured::<C>("in process", &mut InProcess::new(make));
    if Command::new("node").arg("--version").output().is_ok() {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers");
        let server = servers.join(format!("{}.mjs", C::NAME));
        let command = vec!["node".to_owned(), server.display().to_string()];
        measured::<C>("as a child", &mut Processes::new(command));
    }
}

/// How long a learner waits for the first run, with all sources at hand.
fn first_build() -> Duration {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-build");
    let _ = fs::remove_dir_all(&target);
    let begun = Instant::now();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "-p", "workbench", "--bins"])
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "it is built");
    let took = begun.elapsed();
    let _ = fs::remove_dir_all(&target);
    took
}

fn main() {
    // First: what starts a child stays on one core.
    println!("first build: {:.1} s", first_build().as_secs_f64());
    both::<Moves, _>(Api::default);
    both::<Cache, _>(Copied::default);
    both::<Rooms, _>(Room::default);
    both::<Instance, _>(GameManager::default);
    both::<Relay, _>(PubSubManager::default);
    both::<Slow, _>(Feed::default);
}
