//! The command line that all stores share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, error::ErrorKind};

/// The longest pause that is accepted: a demonstration that adds less than one game a day is a typing
/// mistake.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
The program adds the games one by one, and its logger, in a file of its own, prints what it sees.
It ends with a line that begins `verdict:`; compare it with the other lessons':

  lessons/05-module-store.md    cargo run -p module-store
  lessons/06-reducer.md         cargo run -p reducer-game
  lessons/07-bad-game.md        cargo run -p bad-game
  lessons/08-exported-game.md   cargo run -p exported-game
  lessons/10-singleton-game.md  cargo run -p singleton-game
  lessons/11-naive-pubsub.md    cargo run -p naive-pubsub
  lessons/14-where-next.md      cargo run -p injected-game
                                cargo run -p actor-game"
)]
pub(crate) struct Flags {
    /// Play the games of FILE, one JSON object a line (- reads them from stdin), instead of the
    /// ten famous ones that are built in
    #[arg(long, value_name = "FILE")]
    pub(crate) games: Option<PathBuf>,

    /// Run until Ctrl-C, as the lecture does: index and logger each on a timer of its own
    #[arg(long)]
    pub(crate) forever: bool,

    /// Add a game this often, for example 500ms, 5s or 0
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = pause)]
    pub(crate) add_every: Duration,

    /// Let the logger look this often; without --forever it looks after each game
    #[arg(long, value_name = "TIME", default_value = "400ms", value_parser = pause, requires = "forever")]
    pub(crate) log_every: Duration,
}

impl Flags {
    /// Reads this process's arguments for the program `name`. If they are invalid, or include `--help`,
    /// it prints that and ends the process, as clap does.
    pub(crate) fn parse_as(name: &'static str, idea: &'static str) -> Self {
        let mut command = Self::command().name(name).about(idea);
        let flags = Self::from_arg_matches(&command.get_matches_mut())
            .unwrap_or_else(|error| error.format(&mut command).exit());
        if flags.forever && (flags.add_every.is_zero() || flags.log_every.is_zero()) {
            command
                .error(
                    ErrorKind::ValueValidation,
                    "--forever needs pauses longer than 0, for example --add-every 5s --log-every 4s",
                )
                .exit();
        }
        flags
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    let pause = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it like 500ms, 5s or 0"))?;
    if pause > LONGEST_PAUSE {
        return Err("at most one day".to_owned());
    }
    Ok(pause)
}
