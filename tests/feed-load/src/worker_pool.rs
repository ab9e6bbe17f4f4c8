//! All workers of a measurement, commanded as one.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::assignment::Assignment;
use crate::child::{Child, Program, end_all};
use crate::counts::Counts;
use crate::latency::Latencies;
use crate::machine::{Callers, USERS_A_WORKER};
use crate::meter::Meter;
use crate::progress;
use crate::protocol::{Connect, Pace, Pacing, Placement, Report, WorkerCommand};
use crate::stop::Stop;

/// How long nothing may happen before a wait is given up.
const STUCK_AFTER: Duration = Duration::from_secs(15);
/// How long Ctrl-C may wait for us.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// What all users have in common.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) servers: Vec<SocketAddr>,
    /// The path of the WebSocket.
    pub(crate) path: String,
    pub(crate) users: usize,
    pub(crate) stocks: Vec<String>,
    pub(crate) assignment: Assignment,
    /// The core that the workers share, if they are to leave another one to the server.
    pub(crate) core: Option<usize>,
    /// Whether even a few workers let prices gather, see [`Connect::gather_for`].
    pub(crate) gather: bool,
}

/// The processes that play the users.
#[derive(Debug)]
pub(crate) struct WorkerPool {
    workers: Vec<Child>,
    stdins: Vec<ChildStdin>,
    reports: Receiver<(usize, Report)>,
    counts: Vec<Counts>,
    stop: Stop,
}

impl WorkerPool {
    /// Starts the workers, which begin to connect at once.
    pub(crate) fn start(plan: &Plan, stop: &Stop) -> anyhow::Result<Self> {
        static POOLS: AtomicU8 = AtomicU8::new(0);
        let number = POOLS.fetch_add(1, Ordering::Relaxed);
        let count = plan.users.div_ceil(USERS_A_WORKER).max(1);
        let (sender, reports) = mpsc::channel();
        let mut pool = Self {
            workers: Vec::new(),
            stdins: Vec::new(),
            reports,
            counts: vec![Counts::default(); count],
            stop: stop.clone(),
        };
        let local = Callers::of(&plan.servers) == Callers::OwnAddresses;
        let many = count > 4 || plan.gather;
        let mut first = 0;
        for worker in 0..count {
            stop.check()?;
            let users = (plan.users - first).div_ceil(count - worker);
            let (child, mut stdin, stdout) =
                Program::ourselves("worker", plan.core)?.start_with_pipes()?;
            let connect = WorkerCommand::Connect(Connect {
                servers: plan.servers.clone(),
                path: plan.path.clone(),
                first,
                users,
                everyone: plan.users,
                source: local.then(|| source(number, worker)),
                stocks: plan.stocks.clone(),
                assignment: plan.assignment,
                at_once: at_once(plan.servers.len(), count),
                report_every: if many { 200 } else { 20 },
                gather_for: if many { 2_000 } else { 0 },
            });
            send(&mut stdin, &connect)?;
            let sender = sender.clone();
            thread::spawn(move || forward_reports(worker, stdout, &sender));
            pool.workers.push(child);
            pool.stdins.push(stdin);
            first += users;
        }
        Ok(pool)
    }

    /// Everything that all users saw, as of the latest reports.
    pub(crate) fn counts(&self) -> Counts {
        self.counts.iter().copied().sum()
    }

    /// Gives a command to all.
    pub(crate) fn command(&mut self, command: &WorkerCommand) -> anyhow::Result<()> {
        self.stdins
            .iter_mut()
            .try_for_each(|stdin| send(stdin, command))
    }

    /// Lets so many users of all workers together leave and come again each second.
    pub(crate) fn churn(&mut self, per_second: u32) -> anyhow::Result<()> {
        let share = per_second.div_ceil(self.workers.len() as u32);
        self.command(&WorkerCommand::Churn(share))
    }

    /// Reads reports until `done` says so, and returns how long it took.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        mut done: impl FnMut(&Counts) -> bool,
    ) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let (mut before, mut moved) = (self.counts(), start);
        while !done(&self.counts()) {
            self.read_reports(Instant::now() + STOP_CHECK)?;
            // To be refused again and again is no progress.
            let refused = before.refused;
            let now = Counts {
                refused,
                ..self.counts()
            };
            if now != before {
                (before, moved) = (now, Instant::now());
            }
            if moved.elapsed() > STUCK_AFTER {
                bail!(
                    "{what}: nothing happened for {STUCK_AFTER:?}. Users connected: {}, subscriptions \
                     acknowledged: {}, calls refused: {}, connections ended: {}",
                    now.connected,
                    now.following,
                    self.counts().refused,
                    now.ended,
                );
            }
        }
        Ok(start.elapsed())
    }

    /// Waits until the users' progress is `goal`, shows it in a bar, and returns how long it took.
    pub(crate) fn wait_for(
        &mut self,
        what: &str,
        goal: u64,
        progress: impl Fn(&Counts) -> u64,
    ) -> anyhow::Result<Duration> {
        let bar = progress::bar(what, goal);
        let took = self.wait(what, |counts| {
            bar.set_position(progress(counts).min(goal));
            progress(counts) == goal
        })?;
        bar.finish_and_clear();
        Ok(took)
    }

    /// Reads reports for this long.
    pub(crate) fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.read_reports(end)?;
        }
        Ok(())
    }

    /// Waits until every subscription holds these numbers, at most this long, and returns how many
    /// do not.
    pub(crate) fn catch_up(&mut self, newest: &[u32], most: Duration) -> anyhow::Result<u64> {
        let spinner = progress::spinner("do all users hold the newest price?");
        let deadline = Instant::now() + most;
        // A worker that counts does not read, so it is asked less often the longer it takes.
        let mut pause = Duration::from_millis(20);
        loop {
            let lagging = self.lagging(newest)?;
            if lagging == 0 || Instant::now() >= deadline {
                // The totals include the last price that was counted.
                self.pass(Duration::from_millis(250))?;
                spinner.finish_and_clear();
                return Ok(lagging);
            }
            self.pass(pause)?;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Reads the next report, and all that wait then, until `deadline` at the latest.
    fn read_reports(&mut self, deadline: Instant) -> anyhow::Result<()> {
        self.stop.check()?;
        let left = deadline.saturating_duration_since(Instant::now());
        match self.reports.recv_timeout(left.min(STOP_CHECK)) {
            Ok((worker, report)) => self.on_report(worker, report)?,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => bail!("all workers are gone"),
        }
        while let Ok((worker, report)) = self.reports.try_recv() {
            self.on_report(worker, report)?;
        }
        Ok(())
    }

    /// How many subscriptions do not hold these numbers yet.
    fn lagging(&mut self, newest: &[u32]) -> anyhow::Result<u64> {
        let answers = self.ask(&WorkerCommand::CountLagging(newest.to_vec()))?;
        let count = |answer| {
            if let Report::Lagging(count) = answer {
                count
            } else {
                0
            }
        };
        Ok(answers.into_iter().map(count).sum())
    }

    /// Where the users are, seen from this server.
    pub(crate) fn placement(&mut self, server: u16) -> anyhow::Result<Placement> {
        let mut sum = Placement::default();
        for answer in self.ask(&WorkerCommand::CountPlacement(server))? {
            if let Report::Placement(placement) = answer {
                sum.there += placement.there;
                sum.unplaced += placement.unplaced;
                sum.elsewhere += placement.elsewhere;
            }
        }
        Ok(sum)
    }

    /// The latencies since the last time this was asked.
    pub(crate) fn latencies(&mut self) -> anyhow::Result<Latencies> {
        let mut sum = Latencies::default();
        for answer in self.ask(&WorkerCommand::TakeLatencies)? {
            if let Report::Latencies {
                all,
                newest,
                between_reads,
            } = answer
            {
                sum.all.add(&all);
                sum.newest.add(&newest);
                sum.between_reads.add(&between_reads);
            }
        }
        Ok(sum)
    }

    /// Holds the users against this pace from here on.
    pub(crate) fn start_pacing(&mut self, pace: Pace) -> anyhow::Result<()> {
        self.ask(&WorkerCommand::StartPacing(pace))?;
        Ok(())
    }

    /// What the users of all workers got since then; [`Self::counts`] are those of this moment.
    pub(crate) fn pacing(&mut self) -> anyhow::Result<Vec<Pacing>> {
        let answers = self.ask(&WorkerCommand::ReadPacing)?;
        let pacing = |answer| match answer {
            Report::Pacing(pacing) => Some(pacing),
            _ => None,
        };
        Ok(answers.into_iter().filter_map(pacing).collect())
    }

    /// CPU time of all workers since they started.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let cpu = |worker: &Child| Meter::of(worker.pid())?.cpu();
        self.workers.iter().map(cpu).sum()
    }

    /// Gives a command that each worker answers once.
    fn ask(&mut self, command: &WorkerCommand) -> anyhow::Result<Vec<Report>> {
        self.command(command)?;
        let mut answers = Vec::new();
        let deadline = Instant::now() + STUCK_AFTER * 2;
        while answers.len() < self.workers.len() {
            self.stop.check()?;
            anyhow::ensure!(Instant::now() < deadline, "a worker does not answer");
            match self.reports.recv_timeout(STOP_CHECK) {
                Ok((worker, other @ (Report::Counts(_) | Report::Failed(_)))) => {
                    self.on_report(worker, other)?;
                }
                Ok((worker, answer)) => {
                    if let Report::Pacing(pacing) = &answer {
                        self.counts[worker] = pacing.counts;
                    }
                    answers.push(answer);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("all workers are gone"),
            }
        }
        Ok(answers)
    }

    fn on_report(&mut self, worker: usize, report: Report) -> anyhow::Result<()> {
        match report {
            Report::Counts(counts) => self.counts[worker] = counts,
            Report::Failed(reason) => bail!(reason),
            // An answer that came after its question was given up.
            Report::Lagging(_)
            | Report::Placement(_)
            | Report::Latencies { .. }
            | Report::Pacing(_) => {}
        }
        Ok(())
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        self.stdins.clear();
        end_all(&mut self.workers);
    }
}

/// How many handshakes a worker may have under way.
///
/// A worker that may have few is woken for few: with 9 instead of 64 in each of 53 workers, connecting 100,000
/// users took a quarter longer. In a fleet it may have 256, as many as a server has permits for: the users of
/// a server that fails are in one or two workers, so that some 512 of them look for another server at a time,
/// as many as when they were spread over all workers. One server alone is measured as the recorded figures
/// were, with 64.
///
/// All workers together have 512 for each server at most. A server whose permits are all in use may end the
/// oldest unfinished handshake, which counts as refused, and that user tries again.
fn at_once(servers: usize, workers: usize) -> usize {
    let most = if servers > 1 { 256 } else { 64 };
    (512 * servers / workers).clamp(8, most)
}

/// Sends on what a worker reports, until it ends or its reader is dropped.
fn forward_reports(worker: usize, stdout: ChildStdout, reports: &Sender<(usize, Report)>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let report = serde_json::from_str(&line).unwrap_or_else(|error| {
            Report::Failed(format!("a worker sent an invalid report: {error}"))
        });
        if reports.send((worker, report)).is_err() {
            return;
        }
    }
    let reason = "a worker ended before its time".into();
    let _ = reports.send((worker, Report::Failed(reason)));
}

fn send(stdin: &mut ChildStdin, command: &WorkerCommand) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stdin.write_all(&line).context("a worker is gone")
}

/// Each worker has a loopback address of its own, so that no two want the same port. The process
/// id keeps two measurements at the same time apart, mostly; where it does not, a port that is
/// taken is passed over.
fn source(pool: u8, worker: usize) -> Ipv4Addr {
    let run = (std::process::id() % 120) as u8;
    Ipv4Addr::new(127, 100 + run, pool, (worker % 250 + 1) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_under_way_are_as_many_as_a_server_has_permits_for_and_twice_that_in_all() {
        assert_eq!(
            at_once(52, 53),
            256,
            "the users of a server that fails are in two"
        );
        assert_eq!(at_once(1, 1), 64);
        for (servers, workers) in [(1, 1), (1, 9), (2, 30), (3, 3), (7, 6), (20, 1), (52, 53)] {
            let handshakes = at_once(servers, workers) * workers;
            assert!(handshakes <= 512 * servers, "{handshakes} for {servers}");
        }
        assert_eq!(at_once(1, 1_000), 8, "a worker that has none never begins");
    }
}
