//! The process around a worker: commands from standard input, reports to standard output.

use std::io::{self, Write};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, bail};
use mio::{Poll, Waker};

use crate::machine;
use crate::protocol::{Report, WorkerCommand};
use crate::worker::{COMMAND, Worker};

/// Serves as a worker until standard input closes.
pub(crate) fn run() -> anyhow::Result<()> {
    machine::raise_descriptors()?;
    let mut first = String::new();
    io::stdin().read_line(&mut first)?;
    let first = serde_json::from_str(&first).context("no command came")?;
    let WorkerCommand::Connect(plan) = first else {
        bail!("the first command must be to connect");
    };
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), COMMAND)?;
    let (sender, commands) = mpsc::channel();
    thread::spawn(move || hand_over(sender, &waker));
    let mut out = io::stdout().lock();
    let mut report = |report: &Report| {
        serde_json::to_writer(&mut out, report)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    match Worker::new(poll, plan).run(&commands, &mut report) {
        // The commanding process is gone, which is an end like any other.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let _ = report(&Report::Failed(error.to_string()));
            Err(error.into())
        }
        Ok(()) => Ok(()),
    }
}

/// Hands the commands on standard input over to the worker until it ends.
fn hand_over(sender: Sender<WorkerCommand>, waker: &Waker) {
    for line in io::stdin().lines().map_while(Result::ok) {
        let command = match serde_json::from_str(&line) {
            Ok(command) => command,
            Err(error) => {
                eprintln!("feed-load: a worker got an invalid command: {error}");
                continue;
            }
        };
        if sender.send(command).is_err() {
            return;
        }
        let _ = waker.wake();
    }
    // The commanding process is gone or done. Dropping the sender first makes sure that the worker,
    // once woken, sees it.
    drop(sender);
    let _ = waker.wake();
}
