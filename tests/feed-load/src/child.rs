//! Programs that are started for a measurement, and that never outlive it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end after SIGTERM.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A running program, ended when this is dropped.
///
/// It is started through `feed-load guard`, which asks the kernel to end it with us, even if we
/// are killed, binds it to a core, and then becomes the program. Its process group is its own, so
/// that Ctrl-C reaches us alone and things end in our order.
#[derive(Debug)]
pub(crate) struct Child(process::Child);

/// What to start and where.
#[derive(Debug)]
pub(crate) struct Program(Command);

impl Program {
    /// A program by its path, on this core if one is named.
    pub(crate) fn new(program: &Path, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = Command::new(own_path()?);
        command
            .arg("guard")
            .arg("--parent")
            .arg(process::id().to_string());
        if let Some(core) = core {
            command.arg("--core").arg(core.to_string());
        }
        command.arg("--").arg(program).process_group(0);
        Ok(Self(command))
    }

    /// The same for a subcommand of `feed-load` itself.
    pub(crate) fn ourselves(subcommand: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let program = Self::new(&own_path()?, core)?;
        Ok(program.with(|command| command.arg(subcommand)))
    }

    /// Changes the command, for instance its arguments.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        change(&mut self.0);
        self
    }

    /// Starts it without standard input and output.
    pub(crate) fn start(mut self) -> anyhow::Result<Child> {
        self.0.stdin(Stdio::null()).stdout(Stdio::null());
        self.spawn()
    }

    /// Starts it with its standard input and output connected to us.
    pub(crate) fn start_with_pipes(mut self) -> anyhow::Result<(Child, ChildStdin, ChildStdout)> {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.spawn()?;
        let (stdin, stdout) = (child.0.stdin.take(), child.0.stdout.take());
        let pipes = stdin
            .zip(stdout)
            .context("a child without the pipes it was given")?;
        Ok((child, pipes.0, pipes.1))
    }

    fn spawn(mut self) -> anyhow::Result<Child> {
        let started = self.0.spawn();
        let child = started.with_context(|| format!("cannot start {:?}", self.0))?;
        Ok(Child(child))
    }
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.0.wait();
    }

    fn signal(&mut self, signal: Signal) {
        // A process that was waited for has given its number back; someone else may have it now.
        if let (Ok(None), Ok(pid)) = (self.ended(), i32::try_from(self.pid())) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end_all(std::slice::from_mut(self));
    }
}

/// Ends many at once: each is asked before any is waited for, and all share one timeout.
pub(crate) fn end_all(children: &mut [Child]) {
    children
        .iter_mut()
        .for_each(|child| child.signal(Signal::SIGTERM));
    let deadline = Instant::now() + END_TIMEOUT;
    for child in children {
        while let Ok(None) = child.ended() {
            if Instant::now() >= deadline {
                child.kill();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What `feed-load guard` does: become `program`, on this core, and die with the parent. Returns only
/// if the program could not be started.
pub(crate) fn guard(parent: u32, core: Option<usize>, program: &[OsString]) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGTERM).context("cannot ask to end with the parent")?;
    // The parent may have died before we asked, and then no signal comes.
    anyhow::ensure!(
        parent_id() == parent,
        "the process that started this one is gone"
    );
    if let Some(core) = core {
        pin(core)?;
    }
    let (program, arguments) = program.split_first().context("no program to become")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

/// The cores that this process may run on.
pub(crate) fn cores() -> anyhow::Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the cores")?;
    let is_allowed = |core: &usize| allowed.is_set(*core).unwrap_or(false);
    Ok((0..CpuSet::count()).filter(is_allowed).collect())
}

/// Binds this process to one core.
pub(crate) fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core).context("no such core")?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("cannot run on core {core}"))
}

fn own_path() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find the running executable")
}
