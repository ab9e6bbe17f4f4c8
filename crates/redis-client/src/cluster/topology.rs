//! Which master serves which slot, as one node sees it.

use crate::{RedisUrl, refusal::refused};
use crc::{CRC_16_XMODEM, Crc};
use redis::{AsyncConnectionConfig, RedisError, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

const SLOTS: u16 = 16_384;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The slot of a channel: the checksum of the text in its first braces, or of all of it.
///
/// ```
/// use redis_client::slot_of;
///
/// assert_eq!(slot_of("APPL"), 273);
/// assert_eq!(slot_of("prices.{APPL}"), slot_of("APPL"));
/// ```
pub fn slot_of(channel: &str) -> u16 {
    let tag = channel
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.is_empty());
    CRC.checksum(tag.unwrap_or(channel).as_bytes()) % SLOTS
}

/// The host and port of a node, as the cluster announces them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeAddress {
    host: Arc<str>,
    port: u16,
}

impl NodeAddress {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.host, self.port)
    }
}

/// Which master serves which slot: the first slot of each range and its master, by the last slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology(BTreeMap<u16, (u16, NodeAddress)>);

impl Topology {
    /// The master of a slot, if it has one.
    pub fn master_of(&self, slot: u16) -> Option<&NodeAddress> {
        let (_, (first, master)) = self.0.range(slot..).next()?;
        (*first <= slot).then_some(master)
    }

    /// All masters that serve slots.
    pub fn masters(&self) -> BTreeSet<&NodeAddress> {
        self.0.values().map(|(_, master)| master).collect()
    }
}

/// What one node says about the cluster.
pub(super) struct View {
    pub(super) topology: Topology,
    /// Masters and replicas.
    pub(super) nodes: BTreeSet<NodeAddress>,
}

impl View {
    pub(super) async fn of(node: &RedisUrl) -> Result<Self, RedisError> {
        // A new connection for each view: one that was made before may hang on a node that is stopped.
        let mut connection = node.connect(AsyncConnectionConfig::new()).await?;
        let mut commands = redis::pipe();
        commands.cmd("CLUSTER").arg("INFO");
        commands.cmd("CLUSTER").arg("SLOTS");
        let answers: Result<(String, Vec<Vec<Value>>), RedisError> =
            commands.query_async(&mut connection).await;
        let (info, ranges) = answers.map_err(|error| match error.to_string() {
            text if text.contains("cluster support disabled") => refused(format!(
                "the Redis at {node} is not in a cluster: use its address alone, or set \
                 cluster-enabled yes in its redis.conf"
            )),
            _ => error,
        })?;
        // A node that cannot reach the majority still describes the cluster as it was, and would send
        // us back to a master that has been replaced. One that was reset a moment ago says `ok` once more, and
        // knows no slots: believing that would be the loss of every master.
        if !info.contains("cluster_state:ok") || ranges.is_empty() {
            return Err(refused(format!(
                "the cluster is down, says its node {node}: redis-cli --cluster check lists the slots \
                 that no master serves"
            )));
        }
        Ok(Self::read(&ranges, node.host()))
    }

    /// Each range is `[first, last, master, replica …]`, and each node `[host, port, …]`.
    fn read(ranges: &[Vec<Value>], asked: &str) -> Self {
        let mut view = Self {
            topology: Topology::default(),
            nodes: BTreeSet::new(),
        };
        for range in ranges {
            let [Value::Int(first), Value::Int(last), nodes @ ..] = &**range else {
                continue;
            };
            let mut nodes = nodes.iter().filter_map(|node| address_of(node, asked));
            if let (Ok(first), Ok(last), Some(master)) =
                (u16::try_from(*first), u16::try_from(*last), nodes.next())
            {
                view.nodes.insert(master.clone());
                view.nodes.extend(nodes);
                view.topology.0.insert(last, (first, master));
            }
        }
        view
    }
}

/// A node whose own address is unknown to it announces none: then it is the node that was asked.
fn address_of(node: &Value, asked: &str) -> Option<NodeAddress> {
    let Value::Array(fields) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = &**fields else {
        return None;
    };
    let host = match host {
        Value::BulkString(host) if !host.is_empty() && host != b"?" => str::from_utf8(host).ok()?,
        _ => asked,
    };
    Some(NodeAddress {
        host: host.into(),
        port: u16::try_from(*port).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_one_that_redis_computes() {
        // Answers of CLUSTER KEYSLOT.
        for (channel, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{user1000}.following", 3_443),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("", 0),
        ] {
            assert_eq!(slot_of(channel), slot, "{channel}");
        }
    }

    #[test]
    fn a_view_has_the_masters_of_all_slots_and_all_nodes() {
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port)]);
        let named = |host: &str, port| node(Value::BulkString(host.into()), port);
        let range = |first, last, nodes: Vec<Value>| {
            let slots = [Value::Int(first), Value::Int(last)];
            slots.into_iter().chain(nodes).collect()
        };
        let view = View::read(
            &[
                range(0, 99, vec![named("a", 1), named("c", 3)]),
                range(200, 16_383, vec![node(Value::Nil, 2), named("?", 4)]),
            ],
            "asked",
        );
        let master = |slot| view.topology.master_of(slot).map(ToString::to_string);
        assert_eq!(master(0).as_deref(), Some("a:1"));
        assert_eq!(master(99).as_deref(), Some("a:1"));
        assert_eq!(master(100), None);
        assert_eq!(master(200).as_deref(), Some("asked:2"));
        assert_eq!(master(16_383).as_deref(), Some("asked:2"));
        let nodes: Vec<String> = view.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(nodes, ["a:1", "asked:2", "asked:4", "c:3"]);
        assert_eq!(view.topology.masters().len(), 2);
    }
}
