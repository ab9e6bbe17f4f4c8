//! The story that every store is told: a game is added, the logger looks, and so on.

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io::{self, BufReader, Stdout, Write};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use crate::flags::Flags;
use crate::game::count;
use crate::printed::cell;
use crate::reader::{self, ReadError};
use crate::{Game, GameId, Summary};

/// How wide the table's middle column is, in characters.
const TITLE_WIDTH: usize = 37;

/// What happens next.
enum Turn {
    /// The lecture's index.ts: add this game, with all its moves.
    Add(Game),
    /// The lecture's logger.ts: print what you see.
    Look,
}

/// What a store's functions may fail with.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// Why a story could not be told to its end.
#[derive(Debug, thiserror::Error)]
enum StoryError {
    /// The games could not be read.
    #[error(transparent)]
    Games(#[from] ReadError),
    /// The output went away.
    #[error("cannot write to stdout: {0}")]
    Output(#[from] io::Error),
    /// The system would not tell us of Ctrl-C.
    #[error("cannot listen for Ctrl-C: {0}")]
    Interrupt(io::Error),
}

/// The story that a crate tells about its store.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// The program's name.
    pub name: &'static str,
    /// What is shared, and how, in one line.
    pub idea: &'static str,
    /// What to change next, and in which file.
    pub try_next: &'static str,
}

impl Story {
    /// Tells it as the command line asks: on each tick `add` is given a game with all its moves, and
    /// `look` writes what the logger sees and returns it. The last line is the verdict, which is
    /// worked out from what has happened, because it must not lie after an edit.
    ///
    /// By default a round is one row: a game is added, *then* the logger looks, so that no two runs
    /// differ. With `--forever` both have a timer of their own, as in the lecture. Bad flags and
    /// `--help` end the process. The exit code is 2 for bad input, and 1 for a failure.
    pub async fn tell(
        self,
        add: impl AsyncFnMut(Game) -> Result<(), StoreError>,
        look: impl AsyncFnMut(&mut Stdout) -> Result<Summary, StoreError>,
        verdict: impl FnOnce() -> String,
    ) -> ExitCode {
        match self.try_to_tell(add, look, verdict).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(self.name, &*error),
        }
    }

    async fn try_to_tell(
        self,
        mut add: impl AsyncFnMut(Game) -> Result<(), StoreError>,
        mut look: impl AsyncFnMut(&mut Stdout) -> Result<Summary, StoreError>,
        verdict: impl FnOnce() -> String,
    ) -> Result<(), StoreError> {
        let mut turns = Turns::open(self.name, self.idea)?;
        let mut seen = Summary::default();
        while let Some(turn) = turns.next().await? {
            match turn {
                Turn::Add(game) => add(game).await?,
                Turn::Look => seen = look(&mut io::stdout()).await?,
            }
        }
        let (added, seen) = (count(turns.added, "game"), seen.games);
        let mut out = io::stdout().lock();
        writeln!(out, "try: {}", self.try_next)?;
        let verdict = verdict();
        writeln!(
            out,
            "verdict: main added {added}, the logger sees {seen}: {verdict}"
        )?;
        Ok(())
    }
}

/// What a verdict says of so many managers in one process.
pub fn managers(made: usize) -> String {
    match made {
        1 => "one manager".to_owned(),
        2 => "two managers, two lists".to_owned(),
        made => format!("{made} managers, none complete"),
    }
}

/// Hands out the turns, and prints all of the table but what the logger sees.
struct Turns {
    games: Vec<Game>,
    pace: Pace,
    next: Next,
    added: usize,
    /// Every id so far: a file may hold both `a` and `a-2`, and no game is to be refused for it.
    ids: HashSet<GameId>,
    /// One future for the whole story: a Ctrl-C between two waits must not be missed.
    interrupt: Interrupt,
}

type Interrupt = Pin<Box<dyn Future<Output = io::Result<()>>>>;

enum Pace {
    Rounds { pause: Duration },
    Forever(Timers),
}

/// The lecture's two: one adds, one looks, and neither waits for the other.
struct Timers {
    adds: Interval,
    looks: Interval,
}

enum Tick {
    Add,
    Look,
}

impl Timers {
    fn new(add_every: Duration, log_every: Duration) -> Self {
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            // A process that was stopped and goes on would make up for each tick that it missed: a
            // hundred games at once, and then a hundred looks.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            adds: every(add_every),
            looks: every(log_every),
        }
    }

    /// If both are due, either may be the next: a logger beside a timer that is always due would never
    /// look, if games went first.
    async fn next(&mut self) -> Tick {
        tokio::select! {
            _ = self.adds.tick() => Tick::Add,
            _ = self.looks.tick() => Tick::Look,
        }
    }
}

enum Next {
    Round,
    LookInRound,
    End,
}

impl Turns {
    /// Reads flags and games, and prints the head of the table; nothing if the games cannot be read.
    fn open(name: &'static str, idea: &'static str) -> Result<Self, StoryError> {
        let flags = Flags::parse_as(name, idea);
        let games = match flags.games.as_deref() {
            None => reader::famous(),
            Some(path) if path == Path::new("-") => reader::read("stdin", io::stdin().lock())?,
            Some(path) => {
                // The name is for messages; the file is opened by its path, which need not be UTF-8.
                let file = path.display().to_string();
                let opened = File::open(path).map_err(|source| ReadError::Unreadable {
                    file: file.clone(),
                    source,
                })?;
                reader::read(&file, BufReader::new(opened))?
            }
        };
        let pace = match flags.forever {
            false => Pace::Rounds {
                pause: flags.add_every,
            },
            true => Pace::Forever(Timers::new(flags.add_every, flags.log_every)),
        };
        let mut interrupt: Interrupt = Box::pin(tokio::signal::ctrl_c());
        // The first poll is what makes the process listen: a user who has seen the first line may
        // press Ctrl-C, and gets the verdict.
        if let Poll::Ready(Err(error)) = interrupt
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return Err(StoryError::Interrupt(error));
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{name}: {idea}")?;
        let title = "index (main.rs) adds";
        writeln!(out, "round  {title:TITLE_WIDTH$}  logger.rs sees")?;
        Ok(Self {
            games,
            pace,
            next: Next::Round,
            added: 0,
            ids: HashSet::new(),
            interrupt,
        })
    }

    /// Waits for the next tick; `None` is the end, which Ctrl-C brings on at once. The last turn
    /// is always a [`Turn::Look`].
    async fn next(&mut self) -> Result<Option<Turn>, StoryError> {
        let turn = match self.next {
            Next::Round => self.wait().await?,
            Next::LookInRound => {
                self.next = Next::Round;
                Some(Turn::Look)
            }
            Next::End => return Ok(None),
        };
        if let Some(turn) = turn {
            return Ok(Some(turn));
        }
        self.next = Next::End;
        self.left_cells("end", "")?;
        Ok(Some(Turn::Look))
    }

    /// The turn that time brings, or `None` when the story is over.
    async fn wait(&mut self) -> Result<Option<Turn>, StoryError> {
        let look = match &mut self.pace {
            Pace::Rounds { pause } => {
                if self.added == self.games.len() {
                    return Ok(None);
                }
                if self.added > 0 {
                    tokio::select! {
                        biased;
                        interrupted = &mut self.interrupt => {
                            return interrupted.map(|()| None).map_err(StoryError::Interrupt);
                        }
                        () = sleep(*pause) => {}
                    }
                }
                self.next = Next::LookInRound;
                false
            }
            Pace::Forever(timers) => {
                tokio::select! {
                    biased;
                    interrupted = &mut self.interrupt => {
                        return interrupted.map(|()| None).map_err(StoryError::Interrupt);
                    }
                    tick = timers.next() => matches!(tick, Tick::Look),
                }
            }
        };
        if look {
            self.left_cells("", "")?;
            return Ok(Some(Turn::Look));
        }
        let game = self.next_game();
        self.left_cells(&self.added.to_string(), &game.title())?;
        if matches!(self.pace, Pace::Forever(_)) {
            writeln!(io::stdout())?;
        }
        Ok(Some(Turn::Add(game)))
    }

    /// The games in their order; when all have been played they come again as `-2`, `-3`.
    fn next_game(&mut self) -> Game {
        let mut game = self.games[self.added % self.games.len()].clone();
        let first = game.id.clone();
        let mut time = self.added / self.games.len() + 1;
        if time > 1 {
            game.id = first.again(time);
        }
        while !self.ids.insert(game.id.clone()) {
            time += 1;
            game.id = first.again(time);
        }
        self.added += 1;
        game
    }

    fn left_cells(&self, round: &str, title: &str) -> Result<(), StoryError> {
        let title = cell(title, TITLE_WIDTH);
        write!(io::stdout(), "{round:>5}  {title}  ")?;
        Ok(())
    }
}

/// Says on stderr what ended the program `name`, and gives its exit code: 2 for bad input, 1 for
/// a failure. A reader that has seen enough (`| head -1`) is neither.
fn report(name: &str, error: &(dyn Error + 'static)) -> ExitCode {
    let causes = || std::iter::successors(Some(error), |&error| error.source());
    let is_gone = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if causes()
        .filter_map(|cause| cause.downcast_ref())
        .any(is_gone)
    {
        return ExitCode::SUCCESS;
    }
    // A closed stderr leaves nobody to tell, and the exit code still says it.
    let _ = writeln!(io::stderr(), "{name}: {error}");
    match causes().find_map(|cause| cause.downcast_ref()) {
        // What the caller gave: a file that is missing, may not be read, or is not one of games.
        Some(StoryError::Games(_)) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_makes_up_for_no_tick_that_it_missed() {
        let each = Duration::from_millis(100);
        let mut timers = Timers::new(each, each);
        advance(Duration::from_secs(10)).await;
        let (mut adds, mut looks) = (0, 0);
        while let Ok(tick) = timeout(each / 2, timers.next()).await {
            match tick {
                Tick::Add => adds += 1,
                Tick::Look => looks += 1,
            }
        }
        assert_eq!((adds, looks), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_logger_looks_however_often_games_are_added() {
        let mut timers = Timers::new(Duration::from_micros(10), Duration::from_millis(50));
        let (began, mut looks) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(1) {
            match timers.next().await {
                // The time that adding a game takes: the next is due when it is done.
                Tick::Add => advance(Duration::from_millis(1)).await,
                Tick::Look => looks += 1,
            }
        }
        // Twenty are due. Beside an add that is always due as well, each waits for a few of them.
        assert!(looks >= 10, "{looks}");
    }
}
