//! A server falls in the middle of life, and comes back: how long its users look for another.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::counts::Counts;
use crate::crew::Crew;
use crate::orders::Order;
use crate::servers::Servers;

/// The server that falls, by its place in the list.
const FALLS: usize = 0;
/// The share of life after which it falls.
const KILLED: f64 = 1.0 / 3.0;
/// The share of life after which it is started again, even if its users are not all elsewhere.
const RESTARTED: f64 = 2.0 / 3.0;

/// The fall of one server, told step by step while prices flow and users leave and come.
#[derive(Debug)]
pub struct Fall {
    step: Step,
    /// What users had seen when the server fell, and when that was.
    killed: Option<(Instant, Counts)>,
    /// From the kill until all its users were with others.
    elsewhere: Option<Duration>,
    /// From the restart, or from the moment when all were elsewhere if that came later.
    called: Option<Instant>,
    home: Option<Duration>,
    not_home: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The server lives.
    Before,
    /// It is dead, and some users have not read yet that their connection has ended.
    Unnoticed,
    /// They look for another server.
    Dead,
    /// The process runs; it has not said that it is healthy.
    Starting,
    /// It is healthy, and not all of its users have found another server yet.
    Restarted,
    /// Its users were told to come home.
    ComingHome,
    /// They are there.
    Over,
}

impl Fall {
    /// A fall that is still to come; without a second server nobody falls.
    pub fn of_one_among(servers: usize) -> Self {
        Self {
            step: if servers < 2 {
                Step::Over
            } else {
                Step::Before
            },
            killed: None,
            elsewhere: None,
            called: None,
            home: None,
            not_home: 0,
        }
    }

    /// What users had seen when the server fell.
    pub fn counts_at_the_kill(&self) -> Option<Counts> {
        self.killed.map(|(_, counts)| counts)
    }

    /// From the kill until all users of the server were with others.
    pub fn users_back(&self) -> Option<Duration> {
        self.elsewhere
    }

    /// From the restart, or from the moment when all were elsewhere if that came later, until
    /// nobody was on the way home any more.
    pub fn server_back(&self) -> Option<Duration> {
        self.home
    }

    /// Users who did not find a place at home and went elsewhere again.
    pub fn not_home(&self) -> u64 {
        self.not_home
    }

    /// Takes the next step if its time has come, after so large a share of life.
    ///
    /// # Errors
    /// When the server can't be started, a crowd fails, or Ctrl-C asks to end.
    pub fn go_on(
        &mut self,
        crew: &mut Crew,
        servers: &mut Servers,
        lived: f64,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        if self.elsewhere.is_none()
            && !matches!(self.step, Step::Before | Step::Unnoticed)
            && let Some((killed, _)) = self.killed
            && nobody_is_astray(crew)?
        {
            self.elsewhere = Some(killed.elapsed());
        }
        self.step = match self.step {
            Step::Before if lived >= KILLED => {
                self.killed = Some((Instant::now(), crew.counts()));
                servers.kill(FALLS);
                bar.set_message("life (seconds): a server is killed");
                Step::Unnoticed
            }
            // Until all have noticed, that nobody looks for a server means nothing.
            Step::Unnoticed if crew.census(FALLS as u16)?.there == 0 => Step::Dead,
            Step::Dead if self.elsewhere.is_some() || lived >= RESTARTED => {
                self.called = Some(Instant::now());
                servers.begin_again(FALLS)?;
                bar.set_message("life (seconds): it is started again");
                Step::Starting
            }
            Step::Starting if servers.is_healthy(FALLS)? => Step::Restarted,
            Step::Restarted => match (self.killed, self.elsewhere, self.called) {
                (Some((killed, _)), Some(elsewhere), Some(called)) => {
                    self.called = Some(called.max(killed + elsewhere));
                    crew.order(&Order::GoHome)?;
                    bar.set_message("life (seconds): its users come home");
                    Step::ComingHome
                }
                _ => Step::Restarted,
            },
            Step::ComingHome if nobody_is_astray(crew)? => {
                self.home = self.called.map(|called| called.elapsed());
                self.not_home = crew.census(FALLS as u16)?.elsewhere;
                bar.set_message("life (seconds)");
                Step::Over
            }
            step => step,
        };
        Ok(())
    }

    /// Takes the steps that life was too short for.
    ///
    /// # Errors
    /// As [`Fall::go_on`], and when nothing happens for fifteen seconds.
    pub fn finish(
        &mut self,
        crew: &mut Crew,
        servers: &mut Servers,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        while self.step != Step::Over {
            crew.wait("users look for a server, or come home", |counts| {
                counts.astray == 0
            })?;
            self.go_on(crew, servers, 1.0, bar)?;
            crew.pass(Duration::from_millis(10))?;
        }
        Ok(())
    }
}

/// Asks the crowds only when their reports say so as well: a crowd that is asked does not read.
fn nobody_is_astray(crew: &mut Crew) -> anyhow::Result<bool> {
    Ok(crew.counts().astray == 0 && crew.census(FALLS as u16)?.astray == 0)
}
