//! Servers of another program, each in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::challenge::Challenge;
use crate::host::protocol::{In, read_answer};
use crate::host::{Host, Trouble, lock};

/// A server that has not answered by then hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The same once it has hung, so that the story of its silence is shortened in seconds.
const SHORT_ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// The first answer may take longer: `cargo run` compiles.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How often the watchdog looks.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Lines of standard error that are kept for the report of a server that ended.
const KEPT_LINES: usize = 12;
/// An answer of more bytes than this is not an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// Servers in processes of their own.
#[derive(Debug)]
pub struct Processes {
    command: Vec<String>,
    show_output: bool,
    timeout: Duration,
    running: Vec<Option<Process>>,
}

impl Processes {
    /// Servers that this command starts.
    ///
    /// The harness and its children share one core from now on: they never work at the same time, and
    /// waking an idle core for each event costs more than the event (four times as much on Linux).
    pub fn new(command: Vec<String>) -> Self {
        stay_on_this_core();
        Self {
            command,
            show_output: false,
            timeout: ANSWER_TIMEOUT,
            running: Vec::new(),
        }
    }

    fn ask<C: Challenge>(
        &mut self,
        server: usize,
        line: &In<&C::Event>,
    ) -> Result<Vec<C::Action>, Trouble> {
        let line = serde_json::to_string(line).expect("events are plain data");
        let process = self.running[server].as_mut();
        let process = process.ok_or_else(|| Trouble("it has ended before".to_owned()))?;
        let (answer, usable) = match process.ask(&line, self.timeout) {
            Ok(answer) => read_answer(&answer),
            Err(Failed::Hangs(trouble)) => {
                self.timeout = SHORT_ANSWER_TIMEOUT;
                (Err(trouble), false)
            }
            Err(Failed::Ended(trouble)) => (Err(trouble), false),
        };
        if !usable {
            self.running[server] = None;
        }
        answer
    }
}

impl<C: Challenge> Host<C> for Processes {
    /// A crash is a `start`, not a new process: a new one costs Node 50 to 80 ms.
    fn start(&mut self, server: usize) -> Result<(), Trouble> {
        self.running.resize_with(C::SERVERS.len(), || None);
        if self.running[server].is_none() {
            self.running[server] = Some(Process::start(&self.command, self.show_output)?);
        }
        let start = C::SERVERS[server].to_owned();
        self.ask::<C>(server, &In::Start { start }).map(drop)
    }

    fn event(
        &mut self,
        server: usize,
        now: u64,
        event: &C::Event,
    ) -> Result<Vec<C::Action>, Trouble> {
        self.ask::<C>(server, &In::Event { now, event })
    }

    fn depth(&self) -> usize {
        3
    }

    fn fresh(&self) -> Option<Box<dyn Host<C>>> {
        Some(Box::new(Self {
            command: self.command.clone(),
            show_output: self.show_output,
            timeout: self.timeout,
            running: Vec::new(),
        }))
    }

    fn show_output(&mut self) {
        self.show_output = true;
    }
}

/// Why a process gave no answer.
enum Failed {
    Hangs(Trouble),
    Ended(Trouble),
}

#[derive(Debug)]
struct Process {
    child: Arc<Mutex<Child>>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    errors: Arc<Mutex<Vec<String>>>,
    errors_end: Option<JoinHandle<()>>,
    begun: Instant,
    /// When it has to have answered, in milliseconds since `begun`; 0 while it has no question.
    deadline: Arc<AtomicU64>,
    answered: bool,
}

impl Process {
    fn start(command: &[String], show_output: bool) -> Result<Self, Trouble> {
        let child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| {
            Trouble(format!(
                "`{}` cannot be started: {error}",
                command.join(" ")
            ))
        })?;
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        let errors = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&errors);
        let errors_end = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if show_output {
                    eprintln!("  | {line}");
                }
                let mut kept = lock(&kept);
                kept.push(line);
                if kept.len() > KEPT_LINES {
                    kept.remove(0);
                }
            }
        });
        let process = Self {
            child: Arc::new(Mutex::new(child)),
            stdin,
            stdout: BufReader::new(stdout),
            errors,
            errors_end: Some(errors_end),
            begun: Instant::now(),
            deadline: Arc::default(),
            answered: false,
        };
        process.watch();
        Ok(process)
    }

    /// Kills the process when it is late, which ends the read of its answer. A timeout around each read
    /// would wake a thread for each event.
    fn watch(&self) {
        let (child, deadline) = (Arc::clone(&self.child), Arc::downgrade(&self.deadline));
        let begun = self.begun;
        thread::spawn(move || {
            while let Some(deadline) = deadline.upgrade() {
                let deadline = deadline.load(Ordering::Relaxed);
                if deadline > 0 && begun.elapsed().as_millis() as u64 > deadline {
                    let _ = lock(&child).kill();
                    return;
                }
                thread::sleep(WATCH_EVERY);
            }
        });
    }

    fn ask(&mut self, line: &str, timeout: Duration) -> Result<String, Failed> {
        let limit = if self.answered {
            timeout
        } else {
            FIRST_ANSWER_TIMEOUT
        };
        let deadline = (self.begun.elapsed() + limit).as_millis() as u64;
        self.deadline.store(deadline, Ordering::Relaxed);
        let mut answer = String::new();
        let asked = writeln!(self.stdin, "{line}").and_then(|()| {
            let mut stdout = (&mut self.stdout).take(MAX_ANSWER);
            stdout.read_line(&mut answer)
        });
        if matches!(asked, Ok(read) if read > 0) {
            self.deadline.store(0, Ordering::Relaxed);
            self.answered = true;
            return Ok(answer);
        }
        if self.begun.elapsed().as_millis() as u64 > deadline {
            let seconds = limit.as_secs_f64();
            return Err(Failed::Hangs(Trouble(format!(
                "it did not answer for {seconds} s. Does it wait for something, \
                 or repeat a loop without end?"
            ))));
        }
        let status = self.end();
        let errors = lock(&self.errors);
        let printed: String = errors
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| format!("\n    | {line}"))
            .collect();
        let printed = match printed.is_empty() {
            true => ". It printed nothing to standard error".to_owned(),
            false => format!("; at last it printed:{printed}"),
        };
        Err(Failed::Ended(Trouble(format!(
            "it ended ({status}){printed}"
        ))))
    }

    /// Ends the process, and waits until all that it printed has been read.
    fn end(&mut self) -> String {
        let status = {
            let mut child = lock(&self.child);
            let _ = child.kill();
            child.wait()
        };
        if let Some(errors_end) = self.errors_end.take() {
            let _ = errors_end.join();
        }
        let words = |status: ExitStatus| status.to_string();
        status.map_or_else(|error| error.to_string(), words)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Pins this thread to the core on which it runs now. Threads and processes that it starts inherit that.
#[cfg(target_os = "linux")]
fn stay_on_this_core() {
    use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
    let mut this_core = CpuSet::new();
    let core = sched_getcpu();
    if core < CpuSet::MAX_CPU {
        this_core.set(core);
        // A container may forbid it; the stories are told all the same, more slowly.
        let _ = sched_setaffinity(None, &this_core);
    }
}

#[cfg(not(target_os = "linux"))]
fn stay_on_this_core() {}
