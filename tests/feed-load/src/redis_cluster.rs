//! A Redis Cluster of our own: masters that share the 16,384 slots, each with a replica.
//!
//! The workspace's tests have a harness for one, which breaks it in every way; this one only runs, and
//! ends with `feed-load`, as [`RedisServer`] says.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use redis::{Cmd, Connection, FromRedisValue, Value, cmd};
use tempfile::TempDir;

use crate::child::end_all;
use crate::progress;
use crate::redis_server::{RedisServer, wait_until};
use crate::stop::Stop;

const SLOTS: usize = 16_384;
/// A new cluster waits as long as this before it serves, up to five seconds.
const NODE_TIMEOUT_AT_FIRST: &str = "2000";
/// What Redis has by default. Nodes ping each other more often the shorter it is, which costs CPU time.
const NODE_TIMEOUT: &str = "15000";

/// The nodes, ended together when this is dropped.
#[derive(Debug)]
pub(crate) struct RedisCluster {
    /// The masters, and then their replicas in the same order.
    nodes: Vec<RedisServer>,
    /// Where each node writes what it knows of the others: some KiB.
    _folder: TempDir,
}

impl RedisCluster {
    /// Starts so many masters and as many replicas, and waits until every slot is served and every
    /// replica is in step.
    pub(crate) fn start(masters: usize, stop: &Stop) -> anyhow::Result<Self> {
        let spinner = progress::spinner("a Redis Cluster starts");
        let folder = tempfile::tempdir().context("no place for the nodes' files")?;
        let path = folder
            .path()
            .to_str()
            .context("no place for the nodes' files")?;
        let path = path.to_owned();
        let mut cluster = Self {
            nodes: Vec::new(),
            _folder: folder,
        };
        let addresses = free_addresses(4 * masters)?;
        let (clients, buses) = addresses.split_at(2 * masters);
        for (number, (address, bus)) in clients.iter().zip(buses).enumerate() {
            let (bus, file) = (bus.port().to_string(), format!("nodes-{number}.conf"));
            let flags = [
                ["--cluster-enabled", "yes"],
                ["--cluster-node-timeout", NODE_TIMEOUT_AT_FIRST],
                ["--cluster-config-file", &file],
                // By default it is the port and 10,000, which may be above 65,535.
                ["--cluster-port", &bus],
                ["--dir", &path],
                // By default a replica is synchronised after five seconds.
                ["--repl-diskless-sync-delay", "0"],
            ];
            let node = RedisServer::spawn(*address, None, &flags.concat())?;
            cluster.nodes.push(node);
        }
        for node in &mut cluster.nodes {
            node.wait_until_it_answers(stop)?;
        }
        cluster.introduce(buses)?;
        cluster.share_the_slots(masters, stop)?;
        spinner.finish_and_clear();
        Ok(cluster)
    }

    pub(crate) fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Lets every node meet all before it: waiting until gossip has introduced them takes seconds.
    fn introduce(&self, buses: &[SocketAddr]) -> anyhow::Result<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            let mut connection = node.connect()?;
            // Two nodes with the same epoch would take a while to agree on another.
            let epoch = ["SET-CONFIG-EPOCH", &(number + 1).to_string()];
            run::<()>(&mut connection, cluster(&epoch))?;
            for (other, bus) in self.nodes.iter().zip(buses).take(number) {
                let (ip, port) = (other.address.ip(), other.address.port());
                let [ip, port, bus] = [ip.to_string(), port.to_string(), bus.port().to_string()];
                run::<()>(&mut connection, cluster(&["MEET", &ip, &port, &bus]))?;
            }
        }
        Ok(())
    }

    fn share_the_slots(&self, masters: usize, stop: &Stop) -> anyhow::Result<()> {
        let connections = self.nodes.iter().map(RedisServer::connect);
        let mut connections = connections.collect::<anyhow::Result<Vec<_>>>()?;
        let (of_masters, of_replicas) = connections.split_at_mut(masters);
        for (number, (master, replica)) in of_masters.iter_mut().zip(of_replicas).enumerate() {
            let first = (number * SLOTS / masters).to_string();
            let last = ((number + 1) * SLOTS / masters - 1).to_string();
            run::<()>(master, cluster(&["ADDSLOTSRANGE", &first, &last]))?;
            let id: String = run(master, cluster(&["MYID"]))?;
            // A node can replicate only a node that it knows.
            wait_until("a replica does not learn its master", stop, || {
                Ok(run::<()>(replica, cluster(&["REPLICATE", &id])).is_ok())
            })?;
        }
        wait_until("the nodes do not become a cluster", stop, || {
            for (number, connection) in connections.iter_mut().enumerate() {
                let info: String = run(connection, cluster(&["INFO"]))?;
                let ranges: Vec<Vec<Value>> = run(connection, cluster(&["SLOTS"]))?;
                let is_whole = info.contains("cluster_state:ok") && ranges.len() == masters;
                let in_step = number < masters || {
                    let mut command = cmd("INFO");
                    let info: String = run(connection, command.arg("replication").clone())?;
                    info.contains("master_link_status:up")
                };
                if !is_whole || !in_step {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        for connection in &mut connections {
            let mut command = cmd("CONFIG");
            command
                .arg("SET")
                .arg("cluster-node-timeout")
                .arg(NODE_TIMEOUT);
            run::<()>(connection, command)?;
        }
        Ok(())
    }
}

impl Drop for RedisCluster {
    fn drop(&mut self) {
        let nodes = self.nodes.drain(..).map(RedisServer::into_child);
        end_all(&mut nodes.collect::<Vec<_>>());
    }
}

fn cluster(words: &[&str]) -> Cmd {
    let mut command = cmd("CLUSTER");
    command.arg(words);
    command
}

fn run<T: FromRedisValue>(connection: &mut Connection, command: Cmd) -> anyhow::Result<T> {
    command
        .query(connection)
        .context("a node of our own cluster refuses a command")
}

/// Addresses that no process listens on now, no two the same: all are taken before any is given back.
fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let listeners = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listeners = listeners
        .collect::<Result<Vec<_>, _>>()
        .context("no free ports for a cluster")?;
    let addresses = listeners.iter().map(TcpListener::local_addr);
    Ok(addresses.collect::<Result<_, _>>()?)
}
