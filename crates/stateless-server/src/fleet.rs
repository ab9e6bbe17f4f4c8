//! Real servers: processes of this very program, on ports that the system chooses.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::DatabaseUrl;

/// What a server prints on its standard output before its address, once it listens.
pub const LISTENING: &str = "listening on ";

/// How long a server may take to listen, and to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where servers keep their games.
#[derive(Clone, Debug)]
pub enum Place {
    /// In one database, which all of them share.
    Database(DatabaseUrl),
    /// Each in its own memory.
    InMemory,
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The program itself.
    #[error("cannot start {program} as a server")]
    Start {
        /// What was to be started.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended, or said something else, or nothing.
    #[error("server {number} did not begin to listen; its own message stands above")]
    NotListening {
        /// Which one.
        number: usize,
    },
}

/// A server's process, which ends with this value at the latest.
#[derive(Debug)]
pub struct Server {
    /// Counted from 1.
    pub number: usize,
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// Its process id.
    pub process: u32,
    child: Child,
    is_killed: bool,
}

/// How a server is at the end of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// By the demonstration.
    Killed,
    /// By somebody else.
    Ended(ExitStatus),
}

impl Server {
    /// Starts a server of this lesson, and waits until it listens.
    pub(crate) async fn start(
        program: &Path,
        number: usize,
        place: &Place,
    ) -> Result<Self, FleetError> {
        Self::spawn(command(program, place), number).await
    }

    /// Starts a server by a command that prints [`LISTENING`] and its address, and ends when its
    /// standard input does; waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or it does not begin to listen.
    pub async fn spawn(mut command: Command, number: usize) -> Result<Self, FleetError> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // In a group of its own, a server does not hear the Ctrl-C that is meant for us.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| FleetError::Start {
            program: command.as_std().get_program().into(),
            source,
        })?;
        let (Some(process), Some(stdout)) = (child.id(), child.stdout.take()) else {
            return Err(FleetError::NotListening { number });
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            _ => return Err(FleetError::NotListening { number }),
        };
        let url = line
            .strip_prefix(LISTENING)
            .and_then(|rest| rest.split(' ').next());
        Ok(Self {
            number,
            url: url.ok_or(FleetError::NotListening { number })?.to_owned(),
            process,
            child,
            is_killed: false,
        })
    }

    /// Kills it on the spot (SIGKILL): it answers nothing, closes nothing, saves nothing.
    pub fn kill(&mut self) {
        // An error means that somebody else was faster, and then there is nothing left to kill.
        self.is_killed = self.child.start_kill().is_ok();
    }

    /// Done when its process has ended, by whatever hand.
    ///
    /// # Errors
    /// The system does not tell.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        // Waiting for a child closes its input, which would tell it to end.
        let stdin = self.child.stdin.take();
        let ended = self.child.wait().await;
        drop(stdin);
        ended
    }

    pub(crate) fn state(&mut self) -> State {
        match self.child.try_wait() {
            _ if self.is_killed => State::Killed,
            Ok(Some(status)) => State::Ended(status),
            _ => State::Running,
        }
    }

    /// Tells it to end by closing its input, and kills it when it does not.
    pub async fn end(mut self) {
        drop(self.child.stdin.take());
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            self.kill();
        }
    }
}

fn command(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    match place {
        // Not among the arguments, where every user of the machine could read the password.
        Place::Database(DatabaseUrl::Postgres(address)) => command.env("DATABASE_URL", address),
        Place::Database(DatabaseUrl::Sqlite(file)) => {
            command.arg("--database").arg(file.as_argument())
        }
        Place::InMemory => command.arg("--in-memory"),
    };
    command
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(url) => url.fmt(f),
            Self::InMemory => f.write_str("this process"),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Killed => f.write_str("killed by the demonstration"),
            Self::Ended(status) => write!(f, "ended by another hand ({status})"),
        }
    }
}
