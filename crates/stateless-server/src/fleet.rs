//! Servers of this lesson: processes of this very program.

use std::fmt;
use std::path::Path;

use program::server::{Server, StartError};
use tokio::process::Command;

use crate::DatabaseUrl;

/// Where servers store their games.
#[derive(Clone, Debug)]
pub enum GamesPlace {
    /// In one database, which all of them share.
    Database(DatabaseUrl),
    /// Each in its own memory.
    InMemory,
}

/// Starts a server of this lesson, and waits until it listens.
pub(crate) async fn start(
    program: &Path,
    number: usize,
    place: &GamesPlace,
) -> Result<Server, StartError> {
    Server::spawn(command(program, place), number).await
}

fn command(program: &Path, place: &GamesPlace) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    match place {
        // Not an argument, because every user of the machine can read the arguments and the password.
        GamesPlace::Database(DatabaseUrl::Postgres(address)) => {
            command.env("DATABASE_URL", address)
        }
        GamesPlace::Database(DatabaseUrl::Sqlite(file)) => {
            command.arg("--database").arg(file.as_argument())
        }
        GamesPlace::InMemory => command.arg("--in-memory"),
    };
    command
}

impl fmt::Display for GamesPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(url) => url.fmt(f),
            Self::InMemory => f.write_str("this process"),
        }
    }
}
