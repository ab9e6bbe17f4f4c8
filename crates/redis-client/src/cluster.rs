//! A Redis Cluster: several masters, each of which serves some of the 16,384 slots.

mod publisher;
mod topology;

pub use publisher::ClusterPublisher;
pub use topology::{NodeAddress, Topology, slot_of};

use crate::{RedisUrl, in_words, refusal::refused};
use parking_lot::Mutex;
use redis::RedisError;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::timeout;
use topology::View;

/// How long a node may take to describe the cluster before the next node is asked.
const VIEW_TIMEOUT: Duration = Duration::from_millis(500);

/// A Redis Cluster, named by one or more of its nodes. Clones share what they know of the others.
///
/// All nodes have the user, the password and the TLS settings of the first one. Over TLS a node's
/// certificate has to be valid for the name or address by which the cluster announces it
/// (`cluster-announce-hostname`, `cluster-preferred-endpoint-type`).
#[derive(Clone)]
pub struct RedisCluster {
    /// The nodes in the address: at least one.
    seeds: Arc<[RedisUrl]>,
    /// All nodes of the latest topology, in the order in which they are asked for the next.
    known: Arc<Mutex<Vec<RedisUrl>>>,
}

impl RedisCluster {
    /// `seeds` has at least one element.
    pub(crate) fn new(seeds: Vec<RedisUrl>) -> Self {
        Self {
            seeds: seeds.into(),
            known: Arc::default(),
        }
    }

    /// The URL of a node.
    pub fn node(&self, address: &NodeAddress) -> RedisUrl {
        self.seeds[0].at(address.host(), address.port())
    }

    /// Asks one node after the other which master serves which slot.
    ///
    /// # Errors
    /// No node answers, or every node that answers says that the cluster is down: the answer of the
    /// last one. [`in_words`] makes a sentence of it.
    pub async fn read_topology(&self) -> Result<Topology, RedisError> {
        let mut error = refused("the address of the cluster has no nodes".into());
        let known = self.known.lock().clone();
        for (place, node) in known.iter().chain(&*self.seeds).enumerate() {
            error = match timeout(VIEW_TIMEOUT, View::of(node)).await {
                Ok(Ok(view)) => {
                    let nodes = view.nodes.iter().map(|address| self.node(address));
                    let mut nodes: Vec<RedisUrl> = nodes.collect();
                    if place < known.len() {
                        // It answered, so it is asked first again.
                        nodes.sort_by_key(|other| other.to_string() != node.to_string());
                    } else {
                        // All servers have the same address. If each went on with the node that it
                        // found first, one node would describe the cluster to all of them, some four
                        // times a second each.
                        fastrand::shuffle(&mut nodes);
                    }
                    *self.known.lock() = nodes;
                    return Ok(view.topology);
                }
                Ok(Err(error)) if error.is_io_error() => {
                    refused(format!("no Redis at {node}: {}", in_words(&error)))
                }
                Ok(Err(error)) => error,
                Err(_) => refused(format!("no Redis at {node}: it does not answer")),
            };
        }
        Err(error)
    }
}

impl fmt::Display for RedisCluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.seeds[0])?;
        for seed in &self.seeds[1..] {
            let seed = seed.to_string();
            let host = seed.split_once("://").map_or(&*seed, |(_, host)| host);
            write!(out, ",{host}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisCluster {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisCluster({self})")
    }
}
