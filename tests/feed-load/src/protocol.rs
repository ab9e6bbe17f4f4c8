//! What the program asks of its workers, and what they report: JSON, a line each.
//!
//! A process has at most so many file descriptors, so many users are many processes. Commands go
//! in by standard input, which also closes when the commanding process dies, however it dies:
//! then a worker ends, and no user is left behind.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::assignment::Assignment;
use crate::counts::Counts;

/// A command to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WorkerCommand {
    /// The first command: open these users' connections and follow their stocks.
    Connect(Connect),
    /// From here on every price counts: users are taken to hold number 0 of each stock.
    StartFromZero,
    /// Leave the present stocks and follow those of this rule.
    Follow(Assignment),
    /// Users who had to go to another server come back to the one they began with.
    GoHome,
    /// So many users leave and come again each second, chosen at random; 0 ends it.
    Churn(u32),
    /// Count the subscriptions that do not hold the newest number of their stock yet: a number for
    /// each stock, 0 where none was published.
    CountLagging(Vec<u32>),
    /// Count the users who are with the server of this index, and those who are not where they belong.
    CountPlacement(u16),
    /// Report the latencies since the last such command.
    TakeLatencies,
    /// Hold each user's prices against this pace from here on.
    StartPacing(Pace),
    /// Report what was measured since then, and continue.
    ReadPacing,
}

/// What a user with a pace is promised, and how often a stock has a new price.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pace {
    /// Microseconds in which a user gets one group of prices at most.
    pub interval: u64,
    /// Microseconds from a price of a stock to the next one.
    pub period: u64,
}

/// What the users of a worker got since [`WorkerCommand::StartPacing`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pacing {
    /// Everything since the worker's start, as of this answer.
    pub counts: Counts,
    /// Microseconds for which a user had been without a newer price when one arrived, and how often.
    pub ages: Vec<(u64, u64)>,
    /// Prices that arrived in each twentieth of a second of the interval, all intervals together.
    pub slots: Vec<u64>,
    /// Groups of prices that arrived: reads, mostly.
    pub groups: u64,
    /// Groups over one for each interval, summed over the users.
    pub too_many: u64,
}

/// The users of a worker and where they go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connect {
    /// The servers; [`Connect::home`] says which user begins with which.
    pub servers: Vec<SocketAddr>,
    /// The path of the request, for instance `/ws`.
    pub path: String,
    /// The number of this worker's first user.
    pub first: usize,
    /// How many users it has.
    pub users: usize,
    /// How many users all workers have together.
    pub everyone: usize,
    /// The address they come from; `None` lets the kernel choose, for servers that are not local.
    pub source: Option<Ipv4Addr>,
    /// The names of all stocks.
    pub stocks: Vec<String>,
    /// Which user is subscribed to which stocks.
    pub assignment: Assignment,
    /// Handshakes under way at the same time.
    pub at_once: usize,
    /// Milliseconds between two reports.
    pub report_every: u64,
    /// Microseconds that a worker sleeps after it has read, so that more waits for it the next time.
    /// Being woken for every price would be the server's cost, and there are no such wake-ups
    /// where users have machines of their own. What it adds to a latency, it adds at most once.
    pub gather_for: u64,
}

impl Connect {
    /// The index of the server that this user of this worker begins with, and comes back to.
    ///
    /// Neighbours have the same server, so where there are as many workers as servers, each worker has the
    /// users of one or two. When it had users of every server, each process woke every other one, and
    /// 300,000 users in 16 workers took a quarter longer to connect.
    pub fn home(&self, user: usize) -> u16 {
        ((self.first + user) * self.servers.len() / self.everyone) as u16
    }
}

/// Where users are at this moment. The counts come with the next report; this is an answer, so it
/// includes the effect of every command before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Users with a connection to the server asked about, as far as they know: one whose end they
    /// have not read yet counts.
    pub there: u64,
    /// Users without a server, see [`Counts::unplaced`].
    pub unplaced: u64,
    /// Users who go to another server than the one they began with.
    pub elsewhere: u64,
}

/// What a worker reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// Everything since the start.
    Counts(Counts),
    /// The answer to [`WorkerCommand::CountLagging`]: subscriptions without the newest price.
    Lagging(u64),
    /// The answer to [`WorkerCommand::CountPlacement`].
    Placement(Placement),
    /// The answer to [`WorkerCommand::TakeLatencies`]: pairs of microseconds and how many prices took
    /// them.
    Latencies {
        /// Of every price that arrived.
        all: Vec<(u64, u64)>,
        /// Of the newest price of each read.
        newest: Vec<(u64, u64)>,
        /// Of the time between two reads of one user.
        between_reads: Vec<(u64, u64)>,
    },
    /// The answer to [`WorkerCommand::StartPacing`] and [`WorkerCommand::ReadPacing`].
    Pacing(Pacing),
    /// The worker cannot go on, for this reason.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// How many users of each worker begin with each server.
    fn homes(servers: usize, workers: &[usize]) -> Vec<Vec<usize>> {
        let everyone = workers.iter().sum();
        let mut first = 0;
        let mut homes = Vec::new();
        for users in workers {
            let plan = Connect {
                servers: vec![(Ipv4Addr::LOCALHOST, 0).into(); servers],
                path: "/ws".into(),
                first,
                users: *users,
                everyone,
                source: None,
                stocks: Vec::new(),
                assignment: Assignment::even(1, 0, 1),
                at_once: 1,
                report_every: 1,
                gather_for: 0,
            };
            let mut of_worker = vec![0; servers];
            for user in 0..*users {
                of_worker[usize::from(plan.home(user))] += 1;
            }
            homes.push(of_worker);
            first += users;
        }
        homes
    }

    #[test]
    fn each_server_has_its_share_of_the_users() {
        for (servers, workers) in [
            (1, vec![7]),
            (3, vec![5, 5]),
            (7, vec![13, 14]),
            (5, vec![2, 1]),
        ] {
            let homes = homes(servers, &workers);
            let everyone: usize = workers.iter().sum();
            for server in 0..servers {
                let users: usize = homes.iter().map(|of_worker| of_worker[server]).sum();
                let share = everyone / servers..=everyone.div_ceil(servers);
                assert!(
                    share.contains(&users),
                    "{users} of {everyone} on one of {servers}"
                );
            }
        }
    }

    #[test]
    fn the_users_of_a_worker_are_on_few_servers() {
        for of_worker in homes(52, &[1_887; 53]) {
            assert!(of_worker.iter().filter(|users| **users > 0).count() <= 2);
        }
    }
}
