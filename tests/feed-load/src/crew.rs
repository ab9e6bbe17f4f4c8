//! All crowds of a measurement, commanded as one.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::{Child, Program, end_all};
use crate::counts::Counts;
use crate::latency::Latencies;
use crate::machine::{CROWD, Callers};
use crate::orders::{Census, Connect, Order, Report};
use crate::picks::Picks;
use crate::progress;

/// How long nothing may happen before a wait is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Ctrl-C, or a polite request to end, seen by every wait.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for SIGINT and SIGTERM. The second one ends us at once.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn on_signal() -> anyhow::Result<Self> {
        let stop = Self::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop.0))?;
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Whether to end.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`Stopped`] once asked to end.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.asked() { Err(Stopped) } else { Ok(()) }
    }
}

/// The measurement was ended by Ctrl-C.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// What all users have in common.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The servers they are dealt to.
    pub servers: Vec<SocketAddr>,
    /// The path of the WebSocket.
    pub path: String,
    /// How many they are.
    pub users: usize,
    /// The names of the stocks.
    pub stocks: Vec<String>,
    /// Who follows which.
    pub picks: Picks,
    /// The core that the crowds share, if they are to leave another one to the server.
    pub core: Option<usize>,
}

/// The crowds.
#[derive(Debug)]
pub struct Crew {
    crowds: Vec<Child>,
    orders: Vec<ChildStdin>,
    reports: Receiver<(usize, Report)>,
    counts: Vec<Counts>,
    stop: Stop,
}

impl Crew {
    /// Starts the crowds, which begin to connect at once.
    ///
    /// # Errors
    /// When a process can't be started, or Ctrl-C asks to end.
    pub fn gather(plan: &Plan, stop: &Stop) -> anyhow::Result<Self> {
        static CREWS: AtomicU8 = AtomicU8::new(0);
        let number = CREWS.fetch_add(1, Ordering::Relaxed);
        let count = plan.users.div_ceil(CROWD).max(1);
        let (tell, reports) = mpsc::channel();
        let mut crew = Self {
            crowds: Vec::new(),
            orders: Vec::new(),
            reports,
            counts: vec![Counts::default(); count],
            stop: stop.clone(),
        };
        let local = Callers::of(&plan.servers) == Callers::OwnAddresses;
        let many = count > 4;
        let mut first = 0;
        for crowd in 0..count {
            stop.check()?;
            let users = (plan.users - first).div_ceil(count - crowd);
            let (child, mut stdin, stdout) =
                Program::ourselves("crowd", plan.core)?.start_talking()?;
            let connect = Order::Connect(Connect {
                servers: plan.servers.clone(),
                path: plan.path.clone(),
                first,
                users,
                source: local.then(|| source(number, crowd)),
                stocks: plan.stocks.clone(),
                picks: plan.picks,
                at_once: (512 / count).clamp(8, 64),
                report_every: if many { 200 } else { 20 },
                gather_for: if many { 2_000 } else { 0 },
            });
            give(&mut stdin, &connect)?;
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let report =
                        serde_json::from_str(&line).unwrap_or_else(|error| Report::Failed {
                            reason: format!("a crowd reported what nobody understands: {error}"),
                        });
                    if tell.send((crowd, report)).is_err() {
                        return;
                    }
                }
                let reason = "a crowd of users ended before its time".into();
                let _ = tell.send((crowd, Report::Failed { reason }));
            });
            crew.crowds.push(child);
            crew.orders.push(stdin);
            first += users;
        }
        Ok(crew)
    }

    /// Everything that all users saw, as of the latest reports.
    pub fn counts(&self) -> Counts {
        self.counts.iter().copied().sum()
    }

    /// How many crowds there are.
    pub fn crowds(&self) -> usize {
        self.crowds.len()
    }

    /// Gives an order to all.
    ///
    /// # Errors
    /// When a crowd is gone.
    pub fn order(&mut self, order: &Order) -> anyhow::Result<()> {
        self.orders
            .iter_mut()
            .try_for_each(|stdin| give(stdin, order))
    }

    /// Takes in reports until `done` says so, and says how long it took.
    ///
    /// # Errors
    /// When nothing happens for fifteen seconds, a crowd fails, or Ctrl-C asks to end.
    pub fn wait(
        &mut self,
        what: &str,
        mut done: impl FnMut(&Counts) -> bool,
    ) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let (mut before, mut moved) = (self.counts(), start);
        while !done(&self.counts()) {
            self.listen(Instant::now() + Duration::from_millis(50))?;
            // To be refused again and again is no progress.
            let now = Counts {
                refused: before.refused,
                ..self.counts()
            };
            if now != before {
                (before, moved) = (now, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                bail!(
                    "{what}: nothing happened for {PATIENCE:?}. Users connected: {}, subscriptions \
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

    /// Takes in reports for this long.
    ///
    /// # Errors
    /// When a crowd fails, or Ctrl-C asks to end.
    pub fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.listen(end)?;
        }
        Ok(())
    }

    /// Waits until every subscription holds these numbers, at most this long, and says how many
    /// do not.
    ///
    /// # Errors
    /// When a crowd fails, or Ctrl-C asks to end.
    pub fn catch_up(&mut self, newest: &[u32], patience: Duration) -> anyhow::Result<u64> {
        let spinner = progress::spinner("does everybody hold the newest price?");
        let deadline = Instant::now() + patience;
        // A crowd that counts does not read, so it is asked less often the longer it takes.
        let mut pause = Duration::from_millis(20);
        loop {
            let behind = self.behind(newest)?;
            if behind == 0 || Instant::now() >= deadline {
                // The books close after the last price that the audit has seen.
                self.pass(Duration::from_millis(250))?;
                spinner.finish_and_clear();
                return Ok(behind);
            }
            self.pass(pause)?;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Takes in what is reported next, and all that waits then, until `deadline` at the latest.
    fn listen(&mut self, deadline: Instant) -> anyhow::Result<()> {
        self.stop.check()?;
        let left = deadline.saturating_duration_since(Instant::now());
        match self
            .reports
            .recv_timeout(left.min(Duration::from_millis(50)))
        {
            Ok((crowd, report)) => self.book(crowd, report)?,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => bail!("all crowds are gone"),
        }
        while let Ok((crowd, report)) = self.reports.try_recv() {
            self.book(crowd, report)?;
        }
        Ok(())
    }

    /// How many subscriptions do not hold these numbers yet.
    ///
    /// # Errors
    /// When a crowd fails, or Ctrl-C asks to end.
    pub fn behind(&mut self, newest: &[u32]) -> anyhow::Result<u64> {
        let newest = newest.to_vec();
        let answers = self.ask(&Order::Audit { newest })?;
        Ok(answers
            .iter()
            .map(|answer| match answer {
                Report::Behind { subscriptions } => *subscriptions,
                _ => 0,
            })
            .sum())
    }

    /// Where the users are, seen from this server.
    ///
    /// # Errors
    /// When a crowd fails, or Ctrl-C asks to end.
    pub fn census(&mut self, server: u16) -> anyhow::Result<Census> {
        let mut sum = Census::default();
        for answer in self.ask(&Order::Census { server })? {
            if let Report::Census(census) = answer {
                sum.there += census.there;
                sum.astray += census.astray;
                sum.elsewhere += census.elsewhere;
            }
        }
        Ok(sum)
    }

    /// The latencies since the last time this was asked.
    ///
    /// # Errors
    /// When a crowd fails, or Ctrl-C asks to end.
    pub fn latencies(&mut self) -> anyhow::Result<Latencies> {
        let mut sum = Latencies::default();
        for answer in self.ask(&Order::Latencies)? {
            if let Report::Latencies {
                all,
                newest,
                rounds,
            } = answer
            {
                sum.all.add(&all);
                sum.newest.add(&newest);
                sum.rounds.add(&rounds);
            }
        }
        Ok(sum)
    }

    /// Gives an order that each crowd answers once.
    fn ask(&mut self, order: &Order) -> anyhow::Result<Vec<Report>> {
        self.order(order)?;
        let mut answers = Vec::new();
        let deadline = Instant::now() + PATIENCE * 2;
        while answers.len() < self.crowds.len() {
            self.stop.check()?;
            anyhow::ensure!(
                Instant::now() < deadline,
                "a crowd of users does not answer"
            );
            match self.reports.recv_timeout(Duration::from_millis(50)) {
                Ok((crowd, other @ (Report::Counts(_) | Report::Failed { .. }))) => {
                    self.book(crowd, other)?;
                }
                Ok((_, answer)) => answers.push(answer),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("all crowds are gone"),
            }
        }
        Ok(answers)
    }

    fn book(&mut self, crowd: usize, report: Report) -> anyhow::Result<()> {
        match report {
            Report::Counts(counts) => self.counts[crowd] = counts,
            Report::Failed { reason } => bail!(reason),
            // An answer that came after its question was given up.
            Report::Behind { .. } | Report::Census(_) | Report::Latencies { .. } => {}
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.orders.clear();
        end_all(&mut self.crowds);
    }
}

fn give(stdin: &mut ChildStdin, order: &Order) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stdin.write_all(&line).context("a crowd of users is gone")
}

/// Each crowd has a loopback address of its own, so that no two want the same port. The process
/// id keeps two measurements at the same time apart, mostly; where it does not, a port that is
/// taken is passed over.
fn source(crew: u8, crowd: usize) -> Ipv4Addr {
    let run = (std::process::id() % 120) as u8;
    Ipv4Addr::new(127, 100 + run, crew, (crowd % 250 + 1) as u8)
}
