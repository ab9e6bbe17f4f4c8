//! What a fleet takes: its load multiplied by what each part of it costs.
//!
//! `fleet` holds the result against what it measures in the same run, `plan` asks for the number of servers
//! and masters with which it stays below what a process can do.

use crate::costs::{MEMORY, REDIS, SERVER};

/// Slots of a Redis Cluster.
const SLOTS: f64 = 16_384.0;

/// A fleet and its load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fleet {
    pub(crate) users: f64,
    /// Stocks with prices.
    pub(crate) stocks: f64,
    /// Stocks that each user follows, the second half as often as the first, and so on.
    pub(crate) each: f64,
    /// Prices published a second, all stocks together, each stock as often as every other.
    pub(crate) prices: f64,
    /// Prices that reach users a second, all together.
    pub(crate) deliveries: f64,
    /// Times a second that the publisher sends what it has.
    pub(crate) batches: f64,
    /// Users who leave and come again each second.
    pub(crate) churn: f64,
    pub(crate) servers: f64,
    /// How many machines they are on: those of one machine share the program's text.
    pub(crate) machines: f64,
    pub(crate) redis: Redis,
}

/// What the servers share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Redis {
    One,
    /// So many masters, each with a replica.
    Cluster(f64),
}

/// What it takes. Rates are those of a second, all processes together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes {
    /// Messages from the Redis processes to servers.
    pub(crate) received: f64,
    /// Reads of servers that bring them.
    pub(crate) reads: f64,
    /// Writes of servers to users.
    pub(crate) writes: f64,
    /// Cores that the servers keep busy.
    pub(crate) servers_cores: f64,
    /// Cores that the masters keep busy.
    pub(crate) masters_cores: f64,
    /// Cores that masters and replicas keep busy.
    pub(crate) redises_cores: f64,
    pub(crate) servers_mib: f64,
    pub(crate) redises_mib: f64,
}

impl Redis {
    pub(crate) fn masters(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Cluster(masters) => masters,
        }
    }

    /// Processes.
    pub(crate) fn nodes(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Cluster(masters) => 2.0 * masters,
        }
    }
}

impl Fleet {
    pub(crate) fn takes(&self) -> Takes {
        let share = self.share_subscribed();
        let received = self.prices * self.servers * share;
        // A server reads at most once from each master for each batch.
        let at_most = self.batches * self.servers * self.redis.masters();
        let reads = at_most * not_empty(received / at_most);
        // What a batch holds of one stock leaves in one write.
        let of_one_stock = (self.prices / self.stocks / self.batches).max(1.0);
        let writes = self.deliveries / of_one_stock;
        let masters_cores = self.masters_cores(received, reads);
        Takes {
            received,
            reads,
            writes,
            servers_cores: self.servers_cores(received, reads, writes),
            masters_cores,
            redises_cores: masters_cores + self.replicas_cores(),
            servers_mib: self.servers_mib(share),
            redises_mib: self.redises_mib(),
        }
    }

    /// The share of the servers that are subscribed to a stock, on average over the stocks.
    ///
    /// A server is subscribed to a stock if one of its users is. The stock at rank k is a user's choice with
    /// the probability 1 / (k * H), where H is the sum of 1 / k over all ranks.
    fn share_subscribed(&self) -> f64 {
        let ranks = self.stocks as u32;
        let harmonic = sum_over_ranks(ranks, |rank| 1.0 / rank);
        let choices = self.users / self.servers * self.each;
        sum_over_ranks(ranks, |rank| not_empty(choices / (rank * harmonic))) / self.stocks
    }

    fn servers_cores(&self, received: f64, reads: f64, writes: f64) -> f64 {
        let idle = match self.redis {
            Redis::One => SERVER.idle,
            Redis::Cluster(_) => SERVER.idle_in_cluster,
        };
        // A user is a handshake, and a message for each stock.
        let messages = self.churn * (1.0 + self.each);
        let micros = self.servers * idle
            + reads * SERVER.read
            + received * SERVER.price
            + writes * SERVER.write
            + (self.deliveries - writes) * SERVER.joined
            + messages * SERVER.message;
        micros / 1e6
    }

    fn masters_cores(&self, received: f64, reads: f64) -> f64 {
        let masters = self.redis.masters();
        let (idle, batch, publish) = match self.redis {
            Redis::One => (REDIS.idle, REDIS.batch, REDIS.publish),
            Redis::Cluster(_) => (REDIS.idle_node, REDIS.batch_in_cluster, REDIS.spublish),
        };
        let micros = masters * idle
            + self.topology_micros() * masters / self.redis.nodes()
            + self.batches_of_masters() * batch
            + self.prices * publish
            + received * REDIS.message
            + reads * REDIS.send;
        micros / 1e6
    }

    /// What the publisher sends to masters a second: a batch has nothing for some of them.
    fn batches_of_masters(&self) -> f64 {
        let at_most = self.batches * self.redis.masters();
        at_most * not_empty(self.prices / at_most)
    }

    fn replicas_cores(&self) -> f64 {
        match self.redis {
            Redis::One => 0.0,
            Redis::Cluster(masters) => {
                let micros = masters * REDIS.idle_node
                    + self.topology_micros() / 2.0
                    + self.batches_of_masters() * REDIS.batch_of_replica
                    + self.prices * REDIS.replicate;
                micros / 1e6
            }
        }
    }

    /// What it costs all nodes a second that servers ask who the masters are, in microseconds. Each server asks
    /// a node that it has picked at random.
    fn topology_micros(&self) -> f64 {
        match self.redis {
            Redis::One => 0.0,
            Redis::Cluster(_) => self.servers * REDIS.topology,
        }
    }

    fn servers_mib(&self, share: f64) -> f64 {
        let channels = self.stocks * share;
        // In a cluster a server has a task for each slot with channels.
        let of_cluster = match self.redis {
            Redis::One => 0.0,
            Redis::Cluster(_) => SLOTS * not_empty(channels / SLOTS) * MEMORY.slot,
        };
        let a_server = MEMORY.server * 1024.0 + channels * MEMORY.channel + of_cluster;
        let a_user = MEMORY.user + (self.each - 1.0) * MEMORY.subscription;
        self.machines * MEMORY.program + (self.servers * a_server + self.users * a_user) / 1024.0
    }

    fn redises_mib(&self) -> f64 {
        let connections = self.servers * self.redis.masters();
        let node = match self.redis {
            Redis::One => MEMORY.redis,
            Redis::Cluster(_) => MEMORY.redis_node,
        };
        self.redis.nodes() * node + connections * MEMORY.connection / 1024.0
    }
}

/// How probable it is that at least one comes where so many are expected.
fn not_empty(expected: f64) -> f64 {
    1.0 - (-expected).exp()
}

/// The sum of a smooth function over the ranks from 1 on.
///
/// Neighbours in a long list are nearly alike: from rank 64 on one stands for some of them. A plan tries
/// hundreds of fleets, and would take seconds for thousands of stocks otherwise.
fn sum_over_ranks(ranks: u32, of: impl Fn(f64) -> f64) -> f64 {
    let (mut first, mut sum) = (1, 0.0);
    while first <= ranks {
        let width = (first / 64).clamp(1, ranks - first + 1);
        let middle = f64::from(first) + f64::from(width - 1) / 2.0;
        sum += f64::from(width) * of(middle);
        first += width;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_over_some_ranks_is_that_over_all() {
        for ranks in [1, 64, 500, 8_000] {
            let every: f64 = (1..=ranks).map(|rank| 1.0 / f64::from(rank)).sum();
            let some = sum_over_ranks(ranks, |rank| 1.0 / rank);
            assert!((some / every - 1.0).abs() < 1e-4, "{ranks}: {some} {every}");
        }
    }
}
