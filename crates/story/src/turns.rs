//! Who takes the next turn, and the left half of the table.

use std::collections::HashSet;
use std::io::{self, Write};
use std::pin::Pin;
use std::time::Duration;

use game::{Game, GameId};
use program::asked_to_end;
use tokio::time::sleep;

use crate::cell::cell;
use crate::flags::Flags;
use crate::timers::{Tick, Timers};

/// How wide the table's middle column is, in characters.
const TITLE_WIDTH: usize = 37;

/// The next step of the story.
pub(crate) enum Turn {
    /// The lecture's index.ts: add this game, with all its moves.
    Add(Game),
    /// The lecture's logger.ts: print what you see.
    Look,
}

/// Why a story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoryError {
    /// The reader of the output has gone, or for instance the disk is full.
    #[error("cannot write to stdout")]
    Output(#[from] io::Error),
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// Hands out the turns, and prints all of the table except what the logger sees.
pub(crate) struct Turns {
    games: Vec<Game>,
    pace: Pace,
    next: Next,
    added: usize,
    /// Every id that was handed out: a file may hold both `a` and `a-2`, and the second round of `a` must
    /// not be refused for it.
    ids: HashSet<GameId>,
    /// One future for the whole story: a signal that arrives between two waits must not be lost.
    asked_to_end: Pin<Box<dyn Future<Output = ()>>>,
}

enum Pace {
    Rounds { pause: Duration },
    Forever(Timers),
}

enum Next {
    Round,
    LookInRound,
    End,
}

impl Turns {
    /// Prints the title and the head of the table.
    pub(crate) fn begin(title: &str, games: Vec<Game>, flags: &Flags) -> Result<Self, StoryError> {
        let pace = match flags.forever {
            false => Pace::Rounds {
                pause: flags.add_every,
            },
            true => Pace::Forever(Timers::new(flags.add_every, flags.log_every)),
        };
        // Before the first line: a user who has seen it may press Ctrl-C, and gets the verdict.
        let asked_to_end = Box::pin(asked_to_end().map_err(StoryError::Signals)?);
        let mut out = io::stdout().lock();
        writeln!(out, "{title}")?;
        let adds = "index (main.rs) adds";
        writeln!(out, "round  {adds:TITLE_WIDTH$}  logger.rs sees")?;
        Ok(Self {
            games,
            pace,
            next: Next::Round,
            added: 0,
            ids: HashSet::new(),
            asked_to_end,
        })
    }

    /// How many games were handed out.
    pub(crate) fn added(&self) -> usize {
        self.added
    }

    /// Waits for the next turn; `None` is the end, which a signal brings on at any time. The last turn
    /// is always a [`Turn::Look`].
    pub(crate) async fn next(&mut self) -> Result<Option<Turn>, StoryError> {
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

    /// The turn that is due next, or `None` when the story is over.
    async fn wait(&mut self) -> Result<Option<Turn>, StoryError> {
        let tick = match &mut self.pace {
            Pace::Rounds { pause } => {
                if self.added == self.games.len() {
                    return Ok(None);
                }
                if self.added > 0 {
                    tokio::select! {
                        biased;
                        () = &mut self.asked_to_end => return Ok(None),
                        () = sleep(*pause) => {}
                    }
                }
                self.next = Next::LookInRound;
                Tick::Add
            }
            Pace::Forever(timers) => {
                tokio::select! {
                    biased;
                    () = &mut self.asked_to_end => return Ok(None),
                    tick = timers.next() => tick,
                }
            }
        };
        if let Tick::Look = tick {
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

    /// The games in their order; after the last one the first follows again, as `-2`, `-3` and so on.
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
