//! A server fails in the middle of life, and comes back: how long its users look for another.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::protocol::WorkerCommand;
use crate::servers::Servers;
use crate::worker_pool::WorkerPool;

/// The index of the server that fails.
const FAILING: usize = 0;
/// The share of life after which it fails.
const KILLED: f64 = 1.0 / 3.0;
/// The share of life after which it is started again, even if its users are not all elsewhere.
const RESTARTED: f64 = 2.0 / 3.0;

/// The failure of one server, step by step, while prices flow and users leave and come.
#[derive(Debug)]
pub(crate) struct Failover {
    step: Step,
    killed: Option<Instant>,
    /// From the kill until all its users were with others.
    pub(crate) users_back: Option<Duration>,
    /// The restart, or the moment when all were elsewhere if that came later.
    called_home: Option<Instant>,
    /// From then until no user was on the way home any more.
    pub(crate) server_back: Option<Duration>,
    /// Users who were refused at home and went elsewhere again.
    pub(crate) not_home: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The server has not been killed yet.
    Before,
    /// It is dead, and some users have not read yet that their connection has ended.
    Unnoticed,
    /// They look for another server.
    Dead,
    /// The process runs; it has not said that it is healthy.
    Starting,
    /// It is healthy, and not all of its users have found another server yet.
    Restarted,
    /// Its users come home.
    ComingHome,
    Over,
}

impl Failover {
    /// A failure that is still to come; without a second server none fails.
    pub(crate) fn of_one_among(servers: usize) -> Self {
        Self {
            step: if servers < 2 {
                Step::Over
            } else {
                Step::Before
            },
            killed: None,
            users_back: None,
            called_home: None,
            server_back: None,
            not_home: 0,
        }
    }

    /// Whether the next step kills the server, after so large a share of life.
    pub(crate) fn kills_now(&self, lived: f64) -> bool {
        self.step == Step::Before && lived >= KILLED
    }

    /// Takes the next step if its time has come, after so large a share of life.
    pub(crate) fn advance(
        &mut self,
        pool: &mut WorkerPool,
        servers: &mut Servers,
        lived: f64,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        if self.users_back.is_none()
            && !matches!(self.step, Step::Before | Step::Unnoticed)
            && let Some(killed) = self.killed
            && all_are_placed(pool)?
        {
            self.users_back = Some(killed.elapsed());
        }
        self.step = match self.step {
            Step::Before if self.kills_now(lived) => {
                self.killed = Some(Instant::now());
                servers.kill(FAILING);
                bar.set_message("life (seconds): a server is killed");
                Step::Unnoticed
            }
            // Until all have noticed, that no user looks for a server means nothing.
            Step::Unnoticed if pool.placement(FAILING as u16)?.there == 0 => Step::Dead,
            Step::Dead if self.users_back.is_some() || lived >= RESTARTED => {
                self.called_home = Some(Instant::now());
                servers.restart(FAILING)?;
                bar.set_message("life (seconds): it is started again");
                Step::Starting
            }
            Step::Starting if servers.is_healthy(FAILING)? => Step::Restarted,
            Step::Restarted => match (self.killed, self.users_back, self.called_home) {
                (Some(killed), Some(users_back), Some(called_home)) => {
                    self.called_home = Some(called_home.max(killed + users_back));
                    pool.command(&WorkerCommand::GoHome)?;
                    bar.set_message("life (seconds): its users come home");
                    Step::ComingHome
                }
                _ => Step::Restarted,
            },
            Step::ComingHome if all_are_placed(pool)? => {
                self.server_back = self.called_home.map(|called| called.elapsed());
                self.not_home = pool.placement(FAILING as u16)?.elsewhere;
                bar.set_message("life (seconds)");
                Step::Over
            }
            step => step,
        };
        Ok(())
    }

    /// Takes the steps that life was too short for.
    pub(crate) fn finish(
        &mut self,
        pool: &mut WorkerPool,
        servers: &mut Servers,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        while self.step != Step::Over {
            let what = "users look for a server, or come home";
            pool.wait(what, |counts| counts.unplaced == 0)?;
            self.advance(pool, servers, 1.0, bar)?;
            pool.pass(Duration::from_millis(10))?;
        }
        Ok(())
    }
}

/// Asks the workers only when their reports say so as well: a worker that is asked does not read.
fn all_are_placed(pool: &mut WorkerPool) -> anyhow::Result<bool> {
    Ok(pool.counts().unplaced == 0 && pool.placement(FAILING as u16)?.unplaced == 0)
}
