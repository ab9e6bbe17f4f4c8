//! What each part of a feed costs: measured, and the only figures that `plan` is made of.
//!
//! Each constant names the command that measures it, of release builds. The commands print
//! `servers_cpu_seconds`, `redises_cpu_seconds` and `seconds` of the life before the kill (`life.quiet` with
//! `--json`), and one run has little besides what it is named for; the rest of it is subtracted. Replace the
//! constants with those of your machine if "planned by measured" of `feed-load fleet` is far from 1 there.

/// Whose figures they are.
pub(crate) const MACHINE: &str = "The costs are those of one machine: a virtual one with 2 cores and 24 GiB, \
    Linux, Redis 7, November 2026, users, servers and Redis all on it, while other programs kept its cores \
    busy. They are constants in tests/feed-load/src/costs.rs, each with the command that measures it.";

/// Of servers, in microseconds of CPU time.
pub(crate) struct ServerCosts {
    /// A second of a server without users.
    /// `fleet --servers 1 --users 100 --deliveries 20 --churn 0`
    pub(crate) idle: f64,
    /// The same in a cluster, whose topology it reads four times a second.
    /// `fleet --cluster 3 --servers 20 --users 2000 --deliveries 500 --churn 0`
    pub(crate) idle_in_cluster: f64,
    /// Being woken and reading what Redis has sent.
    /// `fleet --servers 20 --users 2000 --deliveries 500 --churn 0`
    pub(crate) read: f64,
    /// Parsing a price and finding its users.
    /// `users --users 1 --stocks 100 --each 100 --rate 20000 --burst 50`: most of a delivery there
    pub(crate) price: f64,
    /// `send()` for a user.
    /// `fleet --servers 2 --users 5000 --deliveries 20000 --churn 0`
    pub(crate) write: f64,
    /// A further price in the same `send()`.
    /// `compare`: 20 prices in a burst
    pub(crate) joined: f64,
    /// A handshake, or a subscription, and the end of it.
    /// `fleet --servers 2 --users 10000 --deliveries 5000 --churn 1000`, a quarter of what a user costs there
    pub(crate) message: f64,
}

/// Of Redis processes, in microseconds of CPU time.
pub(crate) struct RedisCosts {
    /// A second of one Redis without work.
    /// `fleet --servers 1 --users 100 --deliveries 20 --churn 0`
    pub(crate) idle: f64,
    /// The same of a node of a cluster.
    /// `fleet --cluster 3 --servers 1 --users 100 --deliveries 20 --churn 0`, a sixth
    pub(crate) idle_node: f64,
    /// A second of a server that asks four times who the masters are. It asks one node.
    /// `fleet --cluster 3 --servers 20 --users 20000 --deliveries 1000 --churn 0`
    pub(crate) topology: f64,
    /// Taking a price.
    /// `cargo run -p pubsub-manager --example cost_of_publishing`: one Redis, PUBLISH
    pub(crate) publish: f64,
    /// Taking a price in a cluster and handing it to the replica.
    /// The same example: six nodes, SPUBLISH, half of it
    pub(crate) spublish: f64,
    /// What the replica does with it: the other half.
    pub(crate) replicate: f64,
    /// Being woken by a publisher for what it sends together.
    /// `fleet --servers 2 --users 10000 --deliveries 20000 --churn 0`
    pub(crate) batch: f64,
    /// The same of a master in a cluster, which sends it on.
    /// `fleet --cluster 3 --servers 1 --users 100 --deliveries 10000 --churn 0`, of the masters' processes
    pub(crate) batch_in_cluster: f64,
    /// The same of its replica.
    /// The same command, of the replicas' processes
    pub(crate) batch_of_replica: f64,
    /// A message for a server, among others for it.
    /// `fleet --servers 2 --users 1500 --deliveries 25000 --churn 0`
    pub(crate) message: f64,
    /// Sending what a server is to get of a batch.
    /// `fleet --servers 20 --users 2000 --deliveries 12000 --churn 0`
    pub(crate) send: f64,
}

/// Memory, in KiB where nothing else is said.
pub(crate) struct MemoryCosts {
    /// The program's text, MiB a machine.
    /// `fleet --servers 2 --users 10000`: memory of all servers, less the servers and the users
    pub(crate) program: f64,
    /// A server without users, MiB.
    /// `fleet --servers 20 --users 2000`, less that of `fleet --servers 2 --users 10000`, without the users
    pub(crate) server: f64,
    /// A user with a stock.
    /// `compare`: memory, KiB a user with 1 stock
    pub(crate) user: f64,
    /// A further stock of a user.
    /// The mean of 0.06 (`compare`: memory with 10 stocks, less that with 1, a ninth of it) and 0.28
    /// (`fleet --servers 2 --users 10000`: memory after life, less that before)
    pub(crate) subscription: f64,
    /// A stock that a server is subscribed to.
    /// `fleet --servers 20 --users 2000`: memory after life, less that before
    pub(crate) channel: f64,
    /// A slot with such a stock, in a cluster.
    /// `fleet --cluster 3 --servers 20 --users 20000`: the same
    pub(crate) slot: f64,
    /// One Redis, MiB, without the program's text.
    /// `fleet --servers 1 --users 100`
    pub(crate) redis: f64,
    /// The same of a node of a cluster.
    /// `fleet --cluster 3 --servers 1 --users 100`, a sixth
    pub(crate) redis_node: f64,
    /// A server's connection, at Redis.
    /// `fleet --servers 20 --users 2000`, less that of `fleet --servers 1 --users 100`
    pub(crate) connection: f64,
    /// The kernel's for a user's socket.
    /// `fleet --servers 52 --users 1000000`: memory of the machine, less that of the servers and a KiB for
    /// the client, halved because it holds both ends
    pub(crate) kernel: f64,
}

pub(crate) const SERVER: ServerCosts = ServerCosts {
    idle: 700.0,
    idle_in_cluster: 2_270.0,
    read: 41.0,
    price: 1.6,
    write: 14.2,
    joined: 0.45,
    message: 37.0,
};

pub(crate) const REDIS: RedisCosts = RedisCosts {
    idle: 2_400.0,
    idle_node: 1_580.0,
    topology: 1_300.0,
    publish: 0.72,
    spublish: 2.9,
    replicate: 2.9,
    batch: 25.0,
    batch_in_cluster: 53.0,
    batch_of_replica: 41.0,
    message: 1.1,
    send: 13.3,
};

pub(crate) const MEMORY: MemoryCosts = MemoryCosts {
    program: 4.3,
    server: 0.54,
    user: 1.0,
    subscription: 0.17,
    channel: 0.8,
    slot: 3.0,
    redis: 2.8,
    redis_node: 3.75,
    connection: 31.0,
    kernel: 3.3,
};
