//! A program that runs for a page: its output is streamed there, within limits.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use program::supervisor::{Ask, Supervisor, Terms};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::cargo::forget_this_package;

/// How long a build may take.
const BUILD: Duration = Duration::from_secs(600);

/// How long the supervisor may take to end a program, which is more than [`TERMS`] allow.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much a program may print.
pub(super) const OUTPUT: usize = 64 * 1024;

/// SIGINT, so that a demonstration prints its verdict. A thousand threads have 2 GiB of stacks, and
/// more is not needed; a program that allocates without end is refused the rest.
const TERMS: Terms = Terms {
    ask: Ask::Interrupt,
    grace: Duration::from_secs(2),
    memory: Some(4 << 30),
};

/// A command and its limits.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) words: Vec<OsString>,
    pub(super) folder: PathBuf,
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// How long the program may run. If it is built first, the time counts from cargo's `Running`.
    pub(super) limit: Duration,
    pub(super) is_built: bool,
    /// How many bytes it may print.
    pub(super) output: usize,
    pub(super) shown: Shown,
}

/// The part of the output that is streamed to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    /// What cargo compiles or waits for, without its JSON.
    Status,
    Nothing,
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) printed: String,
    pub(super) code: Option<i32>,
    /// Why it was stopped, if it was.
    pub(super) stopped: Option<String>,
}

/// The way to the page. It has no bound, because the output has one.
pub(super) type Page = mpsc::UnboundedSender<Value>;

impl Job {
    /// Runs the program until it ends, the page stops it or goes away, or it exceeds a limit.
    pub(super) async fn run(
        &self,
        supervisor: &Supervisor,
        page: &Page,
        stop: &Arc<Notify>,
    ) -> io::Result<Ended> {
        let (reader, writer) = io::pipe()?;
        let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let mut child = self.command(supervisor, writer)?.spawn()?;
        // Dropping this ends the program.
        let mut held = child.stdin.take();
        let mut seen = Seen::default();
        let mut stopped = None;
        let mut limit = if self.is_built { BUILD } else { self.limit };
        let mut until = Instant::now() + limit;
        let mut buffer = vec![0; 8 * 1024];
        loop {
            let reason: String = tokio::select! {
                count = output.read(&mut buffer) => match count? {
                    0 => break,
                    // It was stopped for its output and prints more on the way.
                    _ if seen.printed.len() > self.output => continue,
                    count => {
                        let text = seen.add(&buffer[..count], self.shown);
                        if limit != self.limit && seen.printed.contains("     Running") {
                            limit = self.limit;
                            until = Instant::now() + limit;
                        }
                        if !text.is_empty() {
                            let _ = page.send(json!({ "text": text }));
                        }
                        match seen.printed.len() > self.output {
                            true => format!("it was stopped after {} KiB of output", self.output / 1024),
                            false => continue,
                        }
                    }
                },
                () = stop.notified(), if held.is_some() => "it was stopped".to_owned(),
                () = page.closed(), if held.is_some() => "the page is gone".to_owned(),
                () = sleep_until(until) => match held {
                    Some(_) => format!("it was stopped after {} s", limit.as_secs()),
                    // Cannot happen as long as the supervisor lives: it ends everything that holds the pipe.
                    None => break,
                },
            };
            stopped = stopped.or(Some(reason));
            held = None;
            until = Instant::now() + EXIT_TIMEOUT;
        }
        let code = child.wait().await?.code();
        Ok(Ended {
            printed: seen.printed,
            code,
            stopped,
        })
    }

    fn command(&self, supervisor: &Supervisor, writer: io::PipeWriter) -> io::Result<Command> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = supervisor.command(program, TERMS);
        forget_this_package(&mut command);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_remove("CARGO")
            .env_remove("RUST_BACKTRACE")
            .env("NO_COLOR", "1")
            .env("TERM", "dumb")
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            // One pipe for both, so that the lines of cargo and of the program keep their order.
            .stdout(Stdio::from(writer.try_clone()?))
            .stderr(Stdio::from(writer));
        Ok(command.into())
    }
}

/// What was read of a program's output.
#[derive(Debug, Default)]
struct Seen {
    printed: String,
    /// The first bytes of a character whose last bytes were not read yet.
    rest: Vec<u8>,
    /// How much of `printed` was looked at for [`Shown::Status`].
    looked_at: usize,
}

impl Seen {
    /// Adds some bytes and returns the text to be streamed.
    fn add(&mut self, bytes: &[u8], shown: Shown) -> String {
        self.rest.extend_from_slice(bytes);
        let end = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end);
        self.printed.push_str(&text);
        match shown {
            Shown::All => text,
            Shown::Nothing => String::new(),
            Shown::Status => {
                let lines = self.printed[self.looked_at..].split_inclusive('\n');
                let lines: Vec<&str> = lines.filter(|line| line.ends_with('\n')).collect();
                self.looked_at += lines.iter().map(|line| line.len()).sum::<usize>();
                lines.into_iter().filter(|line| is_status(line)).collect()
            }
        }
    }
}

fn is_status(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Compiling ") || line.starts_with("Blocking ")
}
