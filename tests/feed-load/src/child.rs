//! Programs that are started for a measurement, and that never outlive it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program, ended when this is dropped.
///
/// It is started through `feed-load guard`, which asks the kernel to end it with us, even if we
/// are killed, binds it to a core, and then becomes the program. Its process group is its own, so
/// that Ctrl-C reaches us alone and things end in our order.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
}

/// What to start and where.
#[derive(Debug)]
pub struct Program {
    command: Command,
}

impl Program {
    /// A program by its path, on this core if one is named.
    ///
    /// # Errors
    /// When the path of the running executable is unknown.
    pub fn new(program: &Path, core: Option<usize>) -> anyhow::Result<Self> {
        let mut command = Command::new(own_path()?);
        command
            .arg("guard")
            .args(["--parent", &std::process::id().to_string()]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        command.arg("--").arg(program).process_group(0);
        Ok(Self { command })
    }

    /// The same for a subcommand of `feed-load` itself.
    ///
    /// # Errors
    /// When the path of the running executable is unknown.
    pub fn ourselves(subcommand: &str, core: Option<usize>) -> anyhow::Result<Self> {
        let mut program = Self::new(&own_path()?, core)?;
        program.command.arg(subcommand);
        Ok(program)
    }

    /// Changes the command, for instance its arguments and streams.
    pub fn with(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the system can't start a process.
    pub fn start(mut self) -> anyhow::Result<Child> {
        let process = self
            .command
            .spawn()
            .with_context(|| format!("cannot start {:?}", self.command))?;
        Ok(Child { process })
    }

    /// Starts it with its streams to us: its standard input and output.
    ///
    /// # Errors
    /// When the system can't start a process.
    pub fn start_talking(
        mut self,
    ) -> anyhow::Result<(Child, std::process::ChildStdin, std::process::ChildStdout)> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.start()?;
        let streams = (child.process.stdin.take(), child.process.stdout.take());
        let (Some(stdin), Some(stdout)) = streams else {
            anyhow::bail!("a child without the pipes it was given");
        };
        Ok((child, stdin, stdout))
    }
}

impl Child {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system doesn't say.
    pub fn ended(&mut self) -> std::io::Result<Option<std::process::ExitStatus>> {
        self.process.try_wait()
    }

    /// Asks it to end, without waiting.
    pub fn ask_to_end(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.process.wait();
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

/// Ends many at once: each is asked before any is waited for, and all share one patience.
pub fn end_all(children: &mut [Child]) {
    children.iter_mut().for_each(Child::ask_to_end);
    let deadline = Instant::now() + PATIENCE;
    for child in children {
        while let Ok(None) = child.ended() {
            if Instant::now() >= deadline {
                child.kill();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What `feed-load guard` does: become `program`, on this core, and die with the parent.
///
/// # Errors
/// Returns only if the program could not be started.
pub fn guard(parent: u32, core: Option<usize>, program: &[OsString]) -> anyhow::Result<()> {
    set_pdeathsig(Signal::SIGTERM).context("cannot ask to end with the parent")?;
    // The parent may have died before we asked, and then nobody will tell us.
    anyhow::ensure!(
        std::os::unix::process::parent_id() == parent,
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
///
/// # Errors
/// When the system doesn't say.
pub fn cores() -> anyhow::Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the cores")?;
    Ok((0..CpuSet::count())
        .filter(|core| allowed.is_set(*core).unwrap_or(false))
        .collect())
}

/// Binds this process to one core.
///
/// # Errors
/// When there is no such core.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core).context("no such core")?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .with_context(|| format!("cannot run on core {core}"))
}

fn own_path() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find the running executable")
}
