//! Looks for a story that fails, and makes it short.

use std::path::PathBuf;

use crate::challenge::Challenge;
use crate::host::Host;
use crate::level::Level;
use crate::shrink::{is_first, shrink};
use crate::story::{self, Step, Story};
use crate::words;
use crate::world::{Detail, Ended, Fault, tell};

/// How to search. The defaults take a second for a server in this process, and few for a child.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The highest level to check; the ones below come first
    #[arg(long, value_enum, default_value_t)]
    pub level: Level,
    /// Tell all stories of at most so many steps first [default: 4 in process, 3 for a command]
    #[arg(long, value_name = "STEPS")]
    pub depth: Option<usize>,
    /// How many random stories to tell then, at each level
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    pub stories: u64,
    /// The number of the first random story; each number is one story, the same on every machine
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How many failing random stories to shorten; the shortest result is printed
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub shorten: u64,
    /// Tell this story instead, and show what the server prints to standard error
    #[arg(long, value_name = "FILE")]
    pub story: Option<PathBuf>,
    /// Write the story as a figure that the book plays step by step
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
}

/// What a search has told so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Stories.
    pub stories: u64,
    /// Steps that happened.
    pub steps: u64,
    /// Those of them that are faults: slow links, lost connections, crashes, pauses.
    pub faults: u64,
    /// Messages sent.
    pub messages: u64,
}

/// Watches a search; it can stop it.
pub trait Watch {
    /// Called before each story of this level. `false` stops the search.
    fn goes_on(&mut self, level: Level, tried: &Tried) -> bool;
    /// Every story of this level held.
    fn held(&mut self, level: Level, tried: &Tried);
}

/// How a search ended.
#[derive(Debug)]
pub enum Outcome<D> {
    /// No story failed at any level.
    Held,
    /// The options leave no story to tell.
    Nothing,
    /// This story fails.
    Broken(Found<D>),
    /// A story failed, and does something else when it is told to a new process: both, in words.
    Leaks(Found<D>, String),
    /// The watch stopped it.
    Stopped,
}

/// A story that fails.
#[derive(Debug)]
pub struct Found<D> {
    /// The level at which it was found.
    pub level: Level,
    /// The story, shortened.
    pub story: Vec<Step<D>>,
    /// How it was found, as the end of a sentence.
    pub how: String,
    /// What was told until then at this level.
    pub tried: Tried,
}

/// Searches level by level, and stops at the first that fails.
pub fn search<C: Challenge>(
    options: &Options,
    host: &mut dyn Host<C>,
    watch: &mut dyn Watch,
) -> Outcome<C::Deed> {
    for level in levels::<C>().filter(|level| *level <= options.level) {
        let mut search = Search::<C> {
            level,
            steps: story::steps::<C>(level),
            host,
            watch,
            tried: Tried::default(),
        };
        match search.level(options) {
            // Without a story, no rule was checked.
            Outcome::Held if search.tried.stories == 0 => return Outcome::Nothing,
            Outcome::Held => {
                let tried = search.tried;
                watch.held(level, &tried);
            }
            other => return other,
        }
    }
    Outcome::Held
}

/// The levels of a challenge. Not every challenge has crashes: a level without new steps is left out.
pub(crate) fn levels<C: Challenge>() -> impl Iterator<Item = Level> {
    let mut known = 0;
    Level::Crashes.up_to().filter(move |level| {
        let steps = story::steps::<C>(*level).len();
        std::mem::replace(&mut known, steps) != steps
    })
}

/// The search stops: the watch said so.
struct Stop;

struct Search<'a, C: Challenge> {
    level: Level,
    steps: Vec<(usize, Step<C::Deed>)>,
    host: &'a mut dyn Host<C>,
    watch: &'a mut dyn Watch,
    tried: Tried,
}

impl<C: Challenge> Search<'_, C> {
    fn level(&mut self, options: &Options) -> Outcome<C::Deed> {
        let depth = options.depth.unwrap_or_else(|| self.host.depth());
        let found = match self.shortest(depth) {
            Ok(None) => self.random(options, depth),
            Ok(Some(story)) => {
                let how = "the shortest there is: every story with fewer steps holds".to_owned();
                Ok(Some((story, how)))
            }
            Err(Stop) => Err(Stop),
        };
        match found {
            Err(Stop) => Outcome::Stopped,
            Ok(None) => Outcome::Held,
            Ok(Some((story, how))) => {
                let leaks = self.leaks(&story);
                let found = Found {
                    level: self.level,
                    story,
                    how,
                    tried: self.tried,
                };
                match leaks {
                    Some(told) => Outcome::Leaks(found, told),
                    None => Outcome::Broken(found),
                }
            }
        }
    }

    fn tell(&mut self, story: &Story<C>) -> Result<Ended, Stop> {
        if !self.watch.goes_on(self.level, &self.tried) {
            return Err(Stop);
        }
        let ended = tell(story, self.host, Detail::Verdict);
        self.tried.stories += 1;
        self.tried.steps += ended.happened.len() as u64;
        self.tried.messages += ended.messages;
        let fault = |at: &&usize| match &story[**at] {
            Step::Do(deed) => C::level(deed) > Level::NoFaults,
            Step::Wait(_) => false,
            _ => true,
        };
        self.tried.faults += ended.happened.iter().filter(fault).count() as u64;
        Ok(ended)
    }

    /// The first of all stories of at most so many steps that fails, shortest first.
    fn shortest(&mut self, depth: usize) -> Result<Option<Story<C>>, Stop> {
        let mut stories: Vec<Story<C>> = vec![Vec::new()];
        for _ in 0..depth {
            let mut longer = Vec::new();
            for story in &stories {
                for at in 0..self.steps.len() {
                    let step = self.steps[at].1.clone();
                    let story = [story.as_slice(), &[step]].concat();
                    if !is_first::<C>(&story) {
                        continue;
                    }
                    let ended = self.tell(&story)?;
                    if ended.fault.is_some() {
                        return Ok(Some(part(&story, &ended)));
                    }
                    // If its last step could not happen, no longer story has to begin with it.
                    if ended.happened.len() == story.len() {
                        longer.push(story);
                    }
                }
            }
            stories = longer;
        }
        Ok(None)
    }

    /// The shortest story to which failing random ones can be shortened.
    fn random(
        &mut self,
        options: &Options,
        depth: usize,
    ) -> Result<Option<(Story<C>, String)>, Stop> {
        let mut found: Vec<(Story<C>, usize, u64)> = Vec::new();
        let mut others = 0;
        for seed in options.seed..options.seed.saturating_add(options.stories) {
            let story = story::random::<C>(&self.steps, seed);
            let ended = self.tell(&story)?;
            if ended.fault.is_none() {
                continue;
            }
            let story = part(&story, &ended);
            let long = story.len();
            // A story that depends on what was told before cannot be shortened.
            if found.is_empty() && self.leaks(&story).is_some() {
                let how = format!("as random story {seed}");
                return Ok(Some((story, how)));
            }
            let host = &mut *self.host;
            let short = shrink::<C>(story, |story| {
                others += 1;
                let ended = tell(story, host, Detail::Verdict);
                ended.fault.is_some().then(|| part(story, &ended))
            });
            found.push((short, long, seed));
            // A panic is found once: its other stories are not more interesting.
            let server = matches!(ended.fault, Some(Fault::Server(..)));
            if server || found.len() as u64 >= options.shorten {
                break;
            }
        }
        let best = found.into_iter().min_by_key(|(story, ..)| story.len());
        Ok(best.map(|(story, long, seed)| {
            let how = format!(
                "shortened from {long} of seed {seed} by telling {others} others; every story of at \
                 most {depth} steps holds"
            );
            (story, how)
        }))
    }

    /// A story that fails in another way, or not at all, when it is told again and to a new process, as it
    /// went there: the server knows something that it was not told since its start.
    fn leaks(&mut self, story: &Story<C>) -> Option<String> {
        let ended = tell(story, self.host, Detail::Words);
        let told = words::story(&ended);
        let Some(mut fresh) = self.host.fresh() else {
            return ended
                .fault
                .is_none()
                .then(|| format!("Told again:\n\n{told}"));
        };
        let again = tell(story, fresh.as_mut(), Detail::Words);
        let server = |ended: &Ended| matches!(ended.fault, Some(Fault::Server(..)));
        // What a process says of its own end differs from what a panic in this process says.
        if server(&ended) && server(&again) {
            return None;
        }
        let anew = words::story(&again);
        let differs = again.fault.is_none() || told != anew;
        differs.then(|| {
            format!("Told again to the same process:\n\n{told}\nTold to a new process:\n\n{anew}")
        })
    }
}

/// The part of a story that happened.
fn part<D: Clone>(story: &[Step<D>], ended: &Ended) -> Vec<Step<D>> {
    ended.happened.iter().map(|at| story[*at].clone()).collect()
}
