//! A process between a program and what it starts, so that nothing that it starts outlives it.
//!
//! The program holds the write end of a pipe to the supervisor's standard input and never writes to it.
//! When the program closes the pipe, the supervisor asks what was started to end, waits, and kills what is
//! left. When the program ends, `kill -9` included, the kernel closes the pipe in its place. It takes
//! neither a signal handler nor `unsafe` code.
//!
//! The supervisor is the program itself, started a second time, so each program that uses it begins with
//! [`supervise`]:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use program::supervisor::{self, Supervisor, Terms};
//!
//! fn main() -> ExitCode {
//!     if let Some(code) = supervisor::supervise() {
//!         return code;
//!     }
//!     let mut nginx = Supervisor::this().command("nginx", Terms::default());
//!     let mut child = nginx.args(["-c", "proxy.conf"]).spawn().expect("this program can be started");
//!     let held = child.stdin.take(); // dropping this asks nginx to end
//!     drop(held);
//!     child.wait().expect("it is our child"); // nginx and its workers are gone
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! `PR_SET_PDEATHSIG` is not enough: it reaches one process and not what that one started, it is sent when
//! the *thread* that started the process ends, and setting it before `exec` takes `unsafe` code.
//!
//! What it does not cover: `kill -9` of the supervisor itself leaves the program running. On systems
//! other than Linux, a process that has left its process group (`setsid`) is not found. On Windows there
//! is no supervisor: the program gets the pipe as its standard input, and its user has to kill it.

#[cfg(unix)]
mod unix;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

#[cfg(unix)]
use unix::run;

/// The first argument of a program that is to be a supervisor. No subcommand or flag of ours has this name.
const SUPERVISE: &str = "--supervise";

/// The exit code of a supervisor whose program does not exist, as in a shell.
pub const NOT_FOUND: u8 = 127;

/// The exit code of a supervisor whose program cannot be started, as in a shell.
pub const CANNOT_START: u8 = 126;

/// How a program is supervised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How it is asked to end; the whole process group gets the signal.
    pub ask: Ask,
    /// How long it may then take, before all of it is killed.
    pub grace: Duration,
    /// How many bytes of its own memory each of its processes may have (`RLIMIT_DATA`).
    pub memory: Option<u64>,
}

/// The signal that asks a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The program that becomes the supervisor.
#[derive(Clone, Debug)]
pub struct Supervisor {
    program: PathBuf,
}

impl Default for Terms {
    /// SIGTERM and five seconds, without a limit of memory.
    fn default() -> Self {
        Self {
            ask: Ask::Terminate,
            grace: Duration::from_secs(5),
            memory: None,
        }
    }
}

impl Supervisor {
    /// This program itself, started once more as the supervisor.
    pub fn this() -> Self {
        // The link leads to this program's file even if that was deleted or built again since: `cargo
        // run` replaces the file of a server that still runs.
        let program = match cfg!(target_os = "linux") {
            true => PathBuf::from("/proc/self/exe"),
            false => env::current_exe().unwrap_or_default(),
        };
        Self { program }
    }

    /// Another program that begins with [`supervise`]: tests of a library name its program here.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// A command that runs `program` under a supervisor. Arguments, environment, folder, stdout and stderr
    /// are for the caller to set and reach `program`, whose standard input is empty.
    ///
    /// Standard input of the command is the pipe: take it from the child and keep it, because waiting for a
    /// child closes it. The child's exit code is that of `program`, or 128 and the signal that ended it.
    /// Do not kill the child, or `program` stays behind; drop the pipe.
    pub fn command(&self, program: impl AsRef<OsStr>, terms: Terms) -> Command {
        let mut command = self.start(program.as_ref(), terms);
        command.stdin(Stdio::piped());
        command
    }

    #[cfg(unix)]
    fn start(&self, program: &OsStr, terms: Terms) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(name) = env::args_os().next() {
            // Otherwise `ps` shows `/proc/self/exe`.
            command.arg0(name);
        }
        let ask = match terms.ask {
            Ask::Interrupt => "interrupt",
            Ask::Terminate => "terminate",
        };
        command
            .args([SUPERVISE, ask])
            .arg(terms.grace.as_millis().to_string())
            .arg(terms.memory.unwrap_or_default().to_string())
            .arg(program)
            // Ctrl-C in a terminal is for the program that holds the pipe; it decides what ends.
            .process_group(0);
        command
    }

    #[cfg(not(unix))]
    fn start(&self, program: &OsStr, _: Terms) -> Command {
        Command::new(program)
    }
}

/// Supervises a program and returns its exit code, if this process was started by a [`Supervisor`]. Otherwise
/// returns `None`. It is the first thing in `main`, before threads and arguments.
pub fn supervise() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != SUPERVISE {
        return None;
    }
    let words: Vec<OsString> = arguments.collect();
    let ended = match parse(&words) {
        Some((terms, program, arguments)) => run(terms, program, arguments),
        None => Err(io::Error::other(
            "only this program itself starts a supervisor",
        )),
    };
    Some(ended.unwrap_or_else(|error| {
        let name = env::args_os().next().unwrap_or_default();
        let name = Path::new(&name).file_name().unwrap_or_default();
        let program = words.get(3).map(Path::new).unwrap_or(Path::new(SUPERVISE));
        let (name, program) = (name.display(), program.display());
        // If stderr is closed, the exit code still says it.
        let _ = writeln!(io::stderr(), "{name}: cannot start {program}: {error}");
        ExitCode::from(match error.kind() {
            io::ErrorKind::NotFound => NOT_FOUND,
            _ => CANNOT_START,
        })
    }))
}

fn parse(words: &[OsString]) -> Option<(Terms, &OsStr, &[OsString])> {
    let [ask, grace, memory, program, arguments @ ..] = words else {
        return None;
    };
    let ask = match ask.to_str()? {
        "interrupt" => Ask::Interrupt,
        "terminate" => Ask::Terminate,
        _ => return None,
    };
    let memory: u64 = memory.to_str()?.parse().ok()?;
    let terms = Terms {
        ask,
        grace: Duration::from_millis(grace.to_str()?.parse().ok()?),
        memory: (memory > 0).then_some(memory),
    };
    Some((terms, program, arguments))
}

#[cfg(not(unix))]
fn run(_: Terms, _: &OsStr, _: &[OsString]) -> io::Result<ExitCode> {
    Err(io::ErrorKind::Unsupported.into())
}
