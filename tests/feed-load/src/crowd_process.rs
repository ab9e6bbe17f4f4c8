//! The process round a crowd: orders from standard input, reports to standard output.

use std::io::{self, Write};
use std::sync::mpsc;

use anyhow::{Context, bail};
use mio::{Poll, Waker};

use crate::crowd::{Crowd, ORDER};
use crate::machine;
use crate::orders::{Order, Report};

/// Serves as a crowd until standard input closes.
///
/// # Errors
/// When the first order isn't [`Order::Connect`], or epoll or standard output fails.
pub fn run() -> anyhow::Result<()> {
    machine::raise_descriptors()?;
    let mut first = String::new();
    io::stdin().read_line(&mut first)?;
    let Order::Connect(plan) = serde_json::from_str(&first).context("no order came")? else {
        bail!("the first order must be to connect");
    };
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), ORDER)?;
    let (tell, orders) = mpsc::channel();
    std::thread::spawn(move || {
        for order in io::stdin().lines().map_while(Result::ok) {
            match serde_json::from_str(&order) {
                Ok(order) => {
                    if tell.send(order).is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!(
                    "feed-load: a crowd was given an order that it does not understand: {error}"
                ),
            }
            let _ = waker.wake();
        }
        // The commanding process is gone or done. Dropping the sender first makes sure that the
        // crowd, once woken, sees it.
        drop(tell);
        let _ = waker.wake();
    });
    let mut out = io::stdout().lock();
    let mut report = |report: &Report| {
        serde_json::to_writer(&mut out, report)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    match Crowd::new(poll, plan).run(&orders, &mut report) {
        // Nobody listens any more, which is an end like any other.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let reason = error.to_string();
            let _ = report(&Report::Failed { reason });
            Err(error.into())
        }
        Ok(()) => Ok(()),
    }
}
