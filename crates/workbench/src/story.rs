//! A story is a list of steps and nothing else: neither a seed nor a clock is needed to tell it again.
//!
//! Any step can be left out, because a step that cannot happen is passed over. That makes a story easy
//! to shorten, by a program and by hand. Messages arrive at once unless a step makes their link slow.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::challenge::Challenge;
use crate::level::Level;
use crate::random::Random;

/// One step of a story; one line of a story's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<D> {
    /// Something happens outside of the servers.
    Do(D),
    /// From now on, messages from the first to the second wait.
    Slow(String, String),
    /// The oldest waiting message of a slow link arrives.
    Deliver(String, String),
    /// All waiting messages arrive, and the link is fast again.
    Fast(String, String),
    /// The server loses its memory and starts again.
    Crash(String),
    /// The server stops, and keeps its memory: a long garbage collection, a laptop that sleeps.
    Pause(String),
    /// The paused server goes on.
    Resume(String),
    /// So many milliseconds pass.
    Wait(u64),
}

/// A story of a challenge.
pub type Story<C> = Vec<Step<<C as Challenge>::Deed>>;

/// All steps of a level, each with its share in a random story.
pub fn steps<C: Challenge>(level: Level) -> Vec<(usize, Step<C::Deed>)> {
    let deeds = C::deeds().into_iter();
    let mut steps: Vec<_> = deeds
        .filter(|(_, deed)| C::level(deed) <= level)
        .map(|(share, deed)| (share, Step::Do(deed)))
        .collect();
    if C::WAITS {
        // 900 is less than the second after which a server may look again, 2,000 is a time to live.
        steps.extend([10, 900, 2_000].map(|time| (2, Step::Wait(time))));
    }
    if level >= Level::SlowLinks {
        for (from, to) in C::SLOW {
            let share = |of: usize| of.div_ceil(C::SLOW.len());
            let link = || ((*from).to_owned(), (*to).to_owned());
            let new = |step: fn(String, String) -> Step<C::Deed>| {
                let (from, to) = link();
                step(from, to)
            };
            steps.push((share(16), new(Step::Slow)));
            steps.push((share(16), new(Step::Deliver)));
            steps.push((share(8), new(Step::Fast)));
        }
    }
    let mut each_server = |share: usize, step: fn(String) -> Step<C::Deed>| {
        let servers = C::SERVERS.iter();
        steps.extend(servers.map(|name| (share, step((*name).to_owned()))));
    };
    if level >= Level::Crashes && C::CRASHES {
        each_server(2, Step::Crash);
    }
    if level >= Level::Crashes && C::PAUSES {
        each_server(4, Step::Pause);
        each_server(4, Step::Resume);
    }
    steps
}

/// The story of this seed. Short ones are more frequent, and a third of them has no faults.
pub fn random<C: Challenge>(steps: &[(usize, Step<C::Deed>)], seed: u64) -> Story<C> {
    let mut random = Random::new(seed);
    let longest = 1 + random.below(40);
    let length = 2 + random.below(longest);
    let calm = random.below(3) == 0;
    let allowed = |step: &Step<C::Deed>| match step {
        Step::Do(deed) => !calm || C::level(deed) == Level::NoFaults,
        _ => !calm,
    };
    let steps: Vec<_> = steps.iter().filter(|(_, step)| allowed(step)).collect();
    let all = steps.iter().map(|(share, _)| share).sum();
    let pick = |_| {
        let mut at = random.below(all);
        let step = steps.iter().find(|(share, _)| {
            let here = at < *share;
            at = at.saturating_sub(*share);
            here
        });
        step.expect("`at` is less than the sum of all shares")
            .1
            .clone()
    };
    (0..length).map(pick).collect()
}

/// Reads a story: one step a line; empty lines and lines that begin with `#` are passed over.
///
/// # Errors
/// The file cannot be read, or a line is not a step of this challenge; the error names the line.
pub fn read<C: Challenge>(file: &Path) -> io::Result<Story<C>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().enumerate();
    let steps = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let step = |(at, line)| {
        serde_json::from_str(line).map_err(|error| {
            io::Error::other(format!(
                "line {} is not a step of {}: {error}",
                at + 1,
                C::NAME
            ))
        })
    };
    steps.map(step).collect()
}

/// Writes a story so that [`read`] returns it.
///
/// # Errors
/// The file cannot be written.
pub fn write<C: Challenge>(file: &Path, story: &Story<C>) -> io::Result<()> {
    let mut text = format!(
        "# A story of the challenge {}: one step a line, to be edited by hand.\n",
        C::NAME
    );
    for step in story {
        text += &serde_json::to_string(step).expect("a step is plain data");
        text.push('\n');
    }
    fs::write(file, text)
}
