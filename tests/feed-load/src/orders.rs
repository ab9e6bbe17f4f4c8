//! What the command tells its crowds of users, and what they report: JSON, a line each.
//!
//! A process has at most so many file descriptors, so many users are many processes. Orders go
//! in by standard input, which also closes when the commanding process dies, however it dies:
//! then a crowd ends, and no user is left behind.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::picks::Picks;

/// An order to a crowd.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// The first order: open these users' connections and follow their stocks.
    Connect(Connect),
    /// From here on every price counts, see [`crate::follow::Follow::start_from_zero`].
    StartFromZero,
    /// Leave the present stocks and follow those of this rule.
    Follow(Picks),
    /// Users who had to go to another server come back to the one they began with.
    GoHome,
    /// So many users leave and come again each second, chosen at random.
    Churn {
        /// Users a second; 0 ends it.
        per_second: u32,
    },
    /// Count the subscriptions that do not hold this number of their stock yet.
    Audit {
        /// The newest number of each stock; a stock that was never published has 0.
        newest: Vec<u32>,
    },
    /// Count the users who are with this server, and those who are not where they belong.
    Census {
        /// The server's place in the list.
        server: u16,
    },
    /// Report the latencies since the last such order.
    Latencies,
}

/// The users of a crowd and where they go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connect {
    /// The servers; user `n` begins with server `n` modulo their count.
    pub servers: Vec<SocketAddr>,
    /// The path of the request, for instance `/ws`.
    pub path: String,
    /// The number of this crowd's first user.
    pub first: usize,
    /// How many users it has.
    pub users: usize,
    /// The address they come from; `None` lets the kernel choose, for servers that are not local.
    pub source: Option<Ipv4Addr>,
    /// The names of all stocks.
    pub stocks: Vec<String>,
    /// Who follows which.
    pub picks: Picks,
    /// Handshakes under way at the same time.
    pub at_once: usize,
    /// Milliseconds between two reports.
    pub report_every: u64,
    /// Microseconds that a crowd sleeps after it has read, so that more waits for it the next time.
    /// Being woken for every price would be the server's cost, and there are no such wake-ups
    /// where users have machines of their own. What it adds to a latency, it adds at most once.
    pub gather_for: u64,
}

/// Where users are at this moment. The counts come with the next report; this is an answer, so it
/// tells of everything that was ordered before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Users with a connection to the server asked about, as far as they know: one whose end they
    /// have not read yet counts.
    pub there: u64,
    /// Users who seek a server, see [`Counts::astray`].
    pub astray: u64,
    /// Users who go to another server than the one they began with.
    pub elsewhere: u64,
}

/// What a crowd says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// Everything since the start.
    Counts(Counts),
    /// The answer to [`Order::Audit`].
    Behind {
        /// Subscriptions that do not hold the newest price.
        subscriptions: u64,
    },
    /// The answer to [`Order::Census`].
    Census(Census),
    /// The answer to [`Order::Latencies`]: pairs of microseconds and how many prices took them.
    Latencies {
        /// Of every price.
        all: Vec<(u64, u64)>,
        /// Of the newest price of each read.
        newest: Vec<(u64, u64)>,
        /// Of the time between two reads of one user.
        rounds: Vec<(u64, u64)>,
    },
    /// The crowd cannot go on.
    Failed {
        /// Why.
        reason: String,
    },
}
