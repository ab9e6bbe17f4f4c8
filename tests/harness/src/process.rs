//! A program as a process: what it prints, how it ends, and the signals it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::wait::until;

/// A process that is killed when this value is dropped, and everything that it printed.
///
/// If the test panics, the output is printed, because it often says why.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Its `TMPDIR`, unless the command names one: a process that is killed removes none of its files.
    _directory: Option<TempDir>,
    /// Standard output and standard error, line by line as they came. The two readers write it.
    output: Arc<Mutex<String>>,
    readers: [JoinHandle<()>; 2],
}

impl Process {
    /// Starts it, and reads what it prints so that it never has to wait for a reader.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let directory = directory_for(command);
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = Arc::default();
        let readers = [
            collect(child.stdout.take().expect("a pipe"), &output),
            collect(child.stderr.take().expect("a pipe"), &output),
        ];
        Self {
            child,
            _directory: directory,
            output,
            readers,
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All whole lines that it has printed so far, to standard output and standard error.
    pub fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.clone()
    }

    /// Waits until its output contains `text`; panics as soon as it has ended without it.
    #[track_caller]
    pub fn until_output(&self, text: &str) {
        until(&format!("the process prints {text:?}"), || {
            // In this order: a reader that has ended has added its last line.
            let ended = self.readers.iter().all(JoinHandle::is_finished);
            let output = self.output();
            let found = output.contains(text);
            assert!(
                found || !ended,
                "the process ended without printing {text:?}:\n{output}"
            );
            found
        });
    }

    /// The first word of its output that begins with `http://`, as soon as there is one: a server
    /// prints its address when it listens.
    #[track_caller]
    pub fn url(&self) -> String {
        let url = |output: &str| {
            let mut words = output.split_inclusive(char::is_whitespace);
            let url = words.find(|word| word.starts_with("http://"))?;
            Some(url.trim_end().to_owned())
        };
        self.until_output("http://");
        url(&self.output()).expect("a word begins with it")
    }

    /// Writes to its standard input, which has to be a pipe: `command.stdin(Stdio::piped())`.
    #[track_caller]
    pub fn write(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("a pipe, still open");
        input.write_all(text.as_bytes()).unwrap();
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Sends a signal: `TERM`, `INT`, `HUP`, `STOP`, `CONT`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Kills it: nothing is saved, and no connection is closed in an orderly way.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself, and its output as well: a child that it left behind, and
    /// that still holds the pipe, fails the test.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        until("nobody holds the output of a process that ended", || {
            self.readers.iter().all(JoinHandle::is_finished)
        });
        status.expect("it has ended")
    }

    /// How long it has kept a processor busy, in its own code and in the kernel.
    #[cfg(target_os = "linux")]
    pub fn cpu_time(&self) -> std::time::Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // The name is in parentheses and may be anything; fields 14 and 15 of all are wanted.
        let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
        let ticks: u64 = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        // A hundred a second on every Linux.
        std::time::Duration::from_millis(ticks * 10)
    }

    /// Its memory in bytes, by [`memory_of`].
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        memory_of(self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("process {} printed:\n{}", self.id(), self.output());
        }
    }
}

/// Makes a directory for the temporary files of a program, and removes it with the value that is returned.
pub(crate) fn directory_for(command: &mut Command) -> Option<TempDir> {
    if command.get_envs().any(|(name, _)| name == "TMPDIR") {
        return None;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    command.env("TMPDIR", directory.path());
    Some(directory)
}

fn collect(from: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// The memory of a process in bytes: what it has for itself, and its share of what it shares (PSS).
#[cfg(target_os = "linux")]
#[track_caller]
pub fn memory_of(process: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let kib = rollup.lines().find_map(|line| {
        let kib = line.strip_prefix("Pss:")?;
        kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    kib.expect("a line of Pss") * 1024
}

/// The program `name` of the build that the running example belongs to.
///
/// Cargo builds an example without the package's programs: the first lines of the example say to
/// build them first.
#[track_caller]
pub fn program_of_this_build(name: &str) -> PathBuf {
    let example = std::env::current_exe().unwrap();
    let folder = example.parent().and_then(Path::parent);
    let program = folder.expect("an example has a folder").join(name);
    assert!(
        program.is_file(),
        "build {} first, as the first lines of this example say",
        program.display()
    );
    program
}

/// Sends a signal to any process: `TERM`, `INT`, `HUP`, `KILL`, `STOP`, `CONT`.
///
/// After `STOP` it returns when all threads of the process stand still: on a busy machine one of them
/// could run on for a moment, and still answer a request.
#[track_caller]
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "process {process} is not there to receive {name}"
    );
    if name == "STOP" {
        until("the process stands still", || is_stopped(process));
    }
}

/// Whether all threads of a process stand still; where there is no `/proc`, yes.
fn is_stopped(process: u32) -> bool {
    let Ok(mut threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return true;
    };
    threads.all(|thread| {
        let Ok(thread) = thread else { return true };
        // A thread that has ended in the meantime does not run.
        std::fs::read_to_string(thread.path().join("stat")).map_or(true, |stat| {
            // The name is in parentheses and may be anything; the state is the word behind it.
            let state = stat.rsplit(") ").next().unwrap_or_default();
            state.starts_with(['T', 't', 'Z'])
        })
    })
}
