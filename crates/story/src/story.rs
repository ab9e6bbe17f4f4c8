//! What a store's `main.rs` hands to the story, and the story from its first line to its verdict.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Stdout, Write};
use std::path::Path;
use std::process::ExitCode;

use game::{Game, ReadError, Summary, count};
use program::{BadInput, report};

use crate::flags::Flags;
use crate::turns::{Turn, Turns};

/// Any error of a store's functions.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// The story that a crate tells about its store.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// The name of the program, for instance `bad-game`.
    pub name: &'static str,
    /// What is shared, and how, in one line.
    pub idea: &'static str,
    /// What to change next, and in which file.
    pub try_next: &'static str,
}

impl Story {
    /// Plays the story as the command line asks. On each turn `add` receives a game with all its moves,
    /// or `look` writes what the logger sees and returns it. The last line is the verdict: it is computed
    /// from what has happened, so it stays true after an edit.
    ///
    /// By default a round is one row: a game is added, *then* the logger looks, so two runs never differ.
    /// With `--forever` each has a timer of its own, as in the lecture. SIGTERM, SIGHUP and Ctrl-C end the
    /// story with its verdict. Invalid flags and `--help` end the process. The exit code is 2 for invalid
    /// input and 1 for a failure.
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
        let flags = Flags::parse_as(self.name, self.idea);
        let games = games(flags.games.as_deref()).map_err(BadInput::new)?;
        let title = format!("{}: {}", self.name, self.idea);
        let mut turns = Turns::begin(&title, games, &flags)?;
        let mut seen = Summary::default();
        while let Some(turn) = turns.next().await? {
            match turn {
                Turn::Add(game) => add(game).await?,
                Turn::Look => seen = look(&mut io::stdout()).await?,
            }
        }
        let (added, seen) = (count(turns.added(), "game"), seen.games);
        let mut out = io::stdout().lock();
        writeln!(out, "try: {}", self.try_next.trim_end())?;
        let verdict = verdict();
        writeln!(
            out,
            "verdict: main added {added}, the logger sees {seen}: {verdict}"
        )?;
        Ok(())
    }
}

/// What a verdict says about `made` managers in one process.
pub fn managers(made: usize) -> String {
    match made {
        1 => "one manager".to_owned(),
        2 => "two managers, two lists".to_owned(),
        made => format!("{made} managers, none complete"),
    }
}

/// The games of a file, of stdin if it is `-`, or the famous ones.
fn games(file: Option<&Path>) -> Result<Vec<Game>, ReadError> {
    let Some(path) = file else {
        return Ok(game::famous());
    };
    if path == Path::new("-") {
        return game::read("stdin", io::stdin().lock());
    }
    // The name is for messages. The file is opened by its path, which need not be UTF-8.
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => game::read(&name, BufReader::new(file)),
        Err(source) => Err(ReadError::Unreadable { file: name, source }),
    }
}
