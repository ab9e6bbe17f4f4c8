//! What the servers of a fleet share: one Redis, or a cluster of them.

use std::slice;
use std::time::Duration;

use crate::publisher::Transport;
use crate::redis_cluster::RedisCluster;
use crate::redis_server::RedisServer;
use crate::stop::Stop;

/// The Redis processes of a fleet, ended when this is dropped.
#[derive(Debug)]
pub(crate) enum Redises {
    One(RedisServer),
    Cluster(RedisCluster),
}

impl Redises {
    /// How many processes that is, for so many masters; without masters it is one Redis.
    pub(crate) fn count(masters: Option<usize>) -> usize {
        masters.map_or(1, |masters| 2 * masters)
    }

    pub(crate) fn start(masters: Option<usize>, stop: &Stop) -> anyhow::Result<Self> {
        match masters {
            None => RedisServer::start(None, stop).map(Self::One),
            Some(masters) => RedisCluster::start(masters, stop).map(Self::Cluster),
        }
    }

    pub(crate) fn nodes(&self) -> &[RedisServer] {
        match self {
            Self::One(server) => slice::from_ref(server),
            Self::Cluster(cluster) => cluster.nodes(),
        }
    }

    /// What a server takes as `--redis`.
    pub(crate) fn url(&self) -> String {
        let nodes = self.nodes().iter().map(|node| node.address.to_string());
        format!("redis://{}", nodes.collect::<Vec<_>>().join(","))
    }

    pub(crate) fn transport(&self) -> anyhow::Result<Transport> {
        match self {
            Self::One(_) => Transport::to_redis(&self.url(), ""),
            Self::Cluster(_) => Transport::to_cluster(&self.url(), self.nodes()),
        }
    }

    /// CPU time of all processes since they started.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        self.nodes().iter().map(|node| node.meter.cpu()).sum()
    }

    /// Memory of all in bytes, without the program's text.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let memory = |node: &RedisServer| node.meter.own_memory();
        self.nodes().iter().map(memory).sum()
    }
}
