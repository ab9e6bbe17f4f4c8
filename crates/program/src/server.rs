//! Servers that a demonstration starts: real processes, on ports that the system chooses, which end with it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// What a server prints on its standard output before its address, once it listens.
pub const LISTENING: &str = "listening on ";

/// How long a server may take to listen; the first start also makes the database.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a server may take to end after its input is closed; then it is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system did not start the program.
    #[error("cannot start {program} as a server")]
    Start {
        /// The program's file.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended, or did not print its address in time.
    #[error("server {number} did not begin to listen; its own message stands above")]
    NotListening {
        /// The server's number, from 1 on.
        number: usize,
    },
}

/// A server's process, which ends with this value at the latest.
#[derive(Debug)]
pub struct Server {
    /// From 1 on, in the order of starting.
    pub number: usize,
    /// Where it listens, without a slash at the end.
    pub url: String,
    /// The process id, for `kill` and for the table.
    pub process: u32,
    child: Child,
    is_killed: bool,
}

/// Whether a server still runs at the end of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It has not ended.
    Running,
    /// The demonstration has killed it.
    Killed,
    /// It was killed from outside, or it failed.
    Ended(ExitStatus),
}

impl Server {
    /// Starts a server by a command that prints [`LISTENING`] and its address, and ends when its
    /// standard input does; waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or it does not begin to listen.
    pub async fn spawn(mut command: Command, number: usize) -> Result<Self, StartError> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // A process group of its own, so that Ctrl-C in the terminal does not reach the server.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| StartError::Start {
            program: command.as_std().get_program().into(),
            source,
        })?;
        let (Some(process), Some(stdout)) = (child.id(), child.stdout.take()) else {
            return Err(StartError::NotListening { number });
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = match timeout(START_TIMEOUT, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            _ => return Err(StartError::NotListening { number }),
        };
        let url = line
            .strip_prefix(LISTENING)
            .and_then(|rest| rest.split(' ').next());
        Ok(Self {
            number,
            url: url.ok_or(StartError::NotListening { number })?.to_owned(),
            process,
            child,
            is_killed: false,
        })
    }

    /// Kills it with SIGKILL: it answers nothing, closes nothing, saves nothing.
    pub fn kill(&mut self) {
        // An error means that the process has ended already.
        self.is_killed = self.child.start_kill().is_ok();
    }

    /// Waits until its process has ended, for whatever reason.
    ///
    /// # Errors
    /// The system does not report how it ended.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        // Waiting for a child closes its input, and the server ends when its input is closed.
        let stdin = self.child.stdin.take();
        let ended = self.child.wait().await;
        drop(stdin);
        ended
    }

    /// Whether it still runs, and what ended it if it does not.
    pub fn state(&mut self) -> ServerState {
        match self.child.try_wait() {
            _ if self.is_killed => ServerState::Killed,
            Ok(Some(status)) => ServerState::Ended(status),
            _ => ServerState::Running,
        }
    }

    /// Ends it by closing its input, and kills it if it has not ended after fifteen seconds.
    pub async fn end(mut self) {
        drop(self.child.stdin.take());
        if timeout(EXIT_TIMEOUT, self.child.wait()).await.is_err() {
            self.kill();
        }
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Killed => f.write_str("killed by the demonstration"),
            Self::Ended(status) => write!(f, "ended by another hand ({status})"),
        }
    }
}
