//! A real Redis Cluster of a test's own: three masters, each with a replica, on free ports of this
//! machine. Its nodes are [`RedisServer`]s, and end with it.

use redis::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use crate::bus_proxy::{BusProxy, CutOff, source};
use crate::port::free_port;
use crate::process::signal;
use crate::redis_server::RedisServer;
use crate::wait::until;

/// Three masters, and as many replicas.
const NODES: usize = 6;
const SLOTS: usize = 16_384;
/// How many slots are moved with one round trip to each of the two masters and each step.
const MOVED_AT_ONCE: usize = 50;

/// How long a node may be silent before the others replace it, in milliseconds. The tests stop a node for
/// a second, which must not replace it, and for ten.
const NODE_TIMEOUT: u32 = 2_000;

/// The clusters that the tests of this process share, as long as one of them has one.
static SHARED: Mutex<Weak<Idle>> = Mutex::new(Weak::new());

/// The clusters that no test has at the moment.
type Idle = Mutex<Vec<RedisCluster>>;

/// Six nodes, by number: the first three are the masters until a replica replaces one. A pair that is
/// [added](RedisCluster::add_pair) has the next numbers.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    /// One before each node, if a test may cut a node off.
    proxies: Vec<BusProxy>,
    cut_off: CutOff,
    halted: BTreeMap<usize, Halt>,
}

/// Why a node does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    Killed,
    Frozen,
}

/// A cluster that this test alone has until it is dropped, and other tests have before and after it.
#[derive(Debug)]
pub struct SharedCluster {
    /// None only while it is dropped.
    cluster: Option<RedisCluster>,
    idle: Arc<Idle>,
}

impl Deref for SharedCluster {
    type Target = RedisCluster;

    fn deref(&self) -> &RedisCluster {
        self.cluster.as_ref().expect("it is not dropped")
    }
}

impl DerefMut for SharedCluster {
    fn deref_mut(&mut self) -> &mut RedisCluster {
        self.cluster.as_mut().expect("it is not dropped")
    }
}

impl Drop for SharedCluster {
    fn drop(&mut self) {
        // What a test that failed did to its cluster must not fail the next test as well.
        if let Some(cluster) = self.cluster.take().filter(|_| !thread::panicking()) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(cluster);
        }
    }
}

impl RedisCluster {
    /// A whole cluster that another test has had, or a fresh one if all are in use: a start takes more than
    /// two seconds. Tests run side by side, each with a cluster of its own. `None` if Redis is not installed.
    pub fn shared() -> Option<SharedCluster> {
        let idle = {
            let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let idle = Arc::default();
                *shared = Arc::downgrade(&idle);
                idle
            })
        };
        let used = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let cluster = match used {
            Some(mut cluster) => {
                cluster.repair();
                cluster
            }
            None => Self::start()?,
        };
        Some(SharedCluster {
            cluster: Some(cluster),
            idle,
        })
    }

    /// A fresh cluster; `None` if Redis is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(|_, _| Vec::new())
    }

    /// A fresh cluster that serves only clients, and only replicas, that give this password.
    pub fn start_with_password(password: &str) -> Option<Self> {
        let flags = ["--requirepass", password, "--masterauth", password].map(str::to_owned);
        Self::start_with(|_, _| flags.to_vec())
    }

    /// A fresh cluster whose nodes can be [cut off](Self::cut_off) from each other.
    pub fn start_with_proxies() -> Option<Self> {
        let cut_off = CutOff::default();
        let mut proxies = Vec::new();
        let mut cluster = Self::start_with(|node, bus| {
            let proxy = BusProxy::start(node, bus, &cut_off);
            let flags = [
                ["--bind-source-addr".to_owned(), source(node).to_string()],
                ["--cluster-announce-ip".to_owned(), "127.0.0.1".to_owned()],
                // To Redis only 127.0.0.1 is this machine; the nodes listen there alone.
                ["--protected-mode".to_owned(), "no".to_owned()],
                [
                    "--cluster-announce-bus-port".to_owned(),
                    proxy.port().to_string(),
                ],
            ];
            proxies.push(proxy);
            flags.concat()
        })?;
        (cluster.proxies, cluster.cut_off) = (proxies, cut_off);
        Some(cluster)
    }

    /// A fresh cluster; `flags` has more flags for a node, by its number and the port of its bus.
    fn start_with(mut flags: impl FnMut(usize, u16) -> Vec<String>) -> Option<Self> {
        let node = |number| {
            let bus = free_port();
            RedisServer::start_with(&[node_flags(bus), flags(number, bus)].concat())
        };
        let nodes: Option<Vec<_>> = (0..NODES).map(node).collect();
        let cluster = Self {
            nodes: nodes?,
            proxies: Vec::new(),
            cut_off: CutOff::default(),
            halted: BTreeMap::new(),
        };
        cluster.build(&[0, 1, 2, 3, 4, 5], &[SLOTS / 3, 2 * SLOTS / 3, SLOTS]);
        Some(cluster)
    }

    /// Cuts a node off from all others, but not from its clients.
    pub fn cut_off(&self, node: usize) {
        self.cut_off
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node);
        self.proxies.iter().for_each(BusProxy::cut);
    }

    /// Lets the nodes reach each other again.
    pub fn reunite(&self) {
        self.cut_off
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// `redis://` and all nodes, as a person writes it: with the password once, before the first.
    pub fn url(&self) -> String {
        let others = self.nodes[1..]
            .iter()
            .map(|node| node.address().to_string());
        let nodes: Vec<_> = [self.nodes[0].url()].into_iter().chain(others).collect();
        nodes.join(",")
    }

    /// A node, whether it answers or not.
    pub fn node(&self, node: usize) -> &RedisServer {
        &self.nodes[node]
    }

    /// The nodes that answer.
    pub fn running(&self) -> impl Iterator<Item = &RedisServer> {
        let running = |(number, _): &(usize, _)| !self.halted.contains_key(number);
        self.nodes
            .iter()
            .enumerate()
            .filter(running)
            .map(|(_, node)| node)
    }

    /// The node that serves the channel's slot.
    pub fn master_of(&self, channel: &str) -> usize {
        self.masters_of([channel])[0]
    }

    /// The same for many channels, in their order.
    pub fn masters_of<'a>(&self, channels: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        let mut connection = self.any().connection();
        let slots: Vec<Vec<Value>> = redis::cmd("CLUSTER")
            .arg("SLOTS")
            .query(&mut connection)
            .expect("a node that answers describes the cluster");
        let mut keyslots = redis::pipe();
        for channel in channels {
            keyslots.cmd("CLUSTER").arg("KEYSLOT").arg(channel);
        }
        let numbers: Vec<i64> = keyslots.query(&mut connection).expect("a slot each");
        let master = |slot: i64| slots.iter().find_map(|range| self.master_in(range, slot));
        numbers
            .into_iter()
            .map(|slot| master(slot).expect("a whole cluster serves every slot"))
            .collect()
    }

    /// The numbers of all nodes.
    pub fn numbers(&self) -> Range<usize> {
        0..self.nodes.len()
    }

    /// Ends a node as a power cut does.
    pub fn kill_9(&mut self, node: usize) {
        self.nodes[node].kill_9();
        self.halted.insert(node, Halt::Killed);
    }

    /// Starts a node that was killed, on the same port and with what it knew of the cluster.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
        self.halted.remove(&node);
    }

    /// Stops a node: its connections stay open, and it does not answer.
    pub fn freeze(&mut self, node: usize) {
        signal(self.nodes[node].id(), "STOP");
        self.halted.insert(node, Halt::Frozen);
    }

    /// Lets a node that was frozen go on.
    pub fn thaw(&mut self, node: usize) {
        signal(self.nodes[node].id(), "CONT");
        self.halted.remove(&node);
    }

    /// Lets every node run, and waits until the cluster is whole.
    pub fn repair(&mut self) {
        for (node, halt) in self.halted.clone() {
            match halt {
                Halt::Killed => self.restart(node),
                Halt::Frozen => self.thaw(node),
            }
        }
        self.until_whole();
    }

    /// Waits until every node sees a master for every slot and every master has a replica that can
    /// replace it.
    #[track_caller]
    pub fn until_whole(&self) {
        until("every slot has a master and every master a replica", || {
            let info = |node: &RedisServer, words: &[&str]| node.run::<String>(words);
            let mut replicas = 0;
            let are_ok = self.running().all(|node| {
                let replication = info(node, &["INFO", "replication"]);
                replicas += usize::from(replication.contains("master_link_status:up"));
                info(node, &["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
            are_ok && replicas == self.nodes.len() / 2 && self.agree()
        });
    }

    /// How many connections are subscribed to each of these channels, except for those with none: on
    /// all nodes that answer together.
    pub fn shard_numsub(&self, channels: &BTreeSet<String>) -> BTreeMap<String, usize> {
        let mut sums = BTreeMap::new();
        for node in self.running() {
            let counted: Vec<(String, usize)> = redis::cmd("PUBSUB")
                .arg("SHARDNUMSUB")
                .arg(channels)
                .query(&mut node.connection())
                .unwrap_or_else(|error| panic!("PUBSUB SHARDNUMSUB: {error}"));
            for (channel, clients) in counted.into_iter().filter(|(_, clients)| *clients > 0) {
                *sums.entry(channel).or_default() += clients;
            }
        }
        sums
    }

    /// Every channel that someone is subscribed to and that can be a stock's.
    pub fn shard_channels(&self) -> BTreeSet<String> {
        let channels = self
            .running()
            .flat_map(|node| node.run::<Vec<String>>(&["PUBSUB", "SHARDCHANNELS"]));
        channels
            .filter(|name| !name.bytes().any(|byte| byte.is_ascii_lowercase()))
            .collect()
    }

    /// Publishes each message on the master of its channel.
    pub fn publish(&self, messages: &[(String, String)]) {
        let channels = messages.iter().map(|(channel, _)| channel.as_str());
        let masters = self.masters_of(channels);
        for master in masters.iter().collect::<BTreeSet<_>>() {
            let mut commands = redis::pipe();
            for ((channel, message), _) in messages
                .iter()
                .zip(&masters)
                .filter(|(_, of)| *of == master)
            {
                commands.cmd("SPUBLISH").arg(channel).arg(message).ignore();
            }
            let published: redis::RedisResult<()> =
                commands.query(&mut self.nodes[*master].connection());
            published.unwrap_or_else(|error| panic!("SPUBLISH: {error}"));
        }
    }

    /// The slots that a node serves, in its own view.
    pub fn slots_of(&self, master: usize) -> Vec<u16> {
        let all: Vec<Vec<Value>> = self.nodes[master].run(&["CLUSTER", "SLOTS"]);
        let ranges = all
            .iter()
            .filter(|range| self.master_in(range, -1) == Some(master));
        let numbers = ranges.flat_map(|range| first_of(range)..=last_of(range));
        numbers
            .map(|number| u16::try_from(number).expect("a slot is below 16,384"))
            .collect()
    }

    /// Moves slots from one master to another with their keys, some at a time, as `redis-cli --cluster
    /// reshard` does.
    pub fn move_slots(&self, slots: &[u16], from: usize, to: usize) {
        let [source, target] = [from, to].map(|node| self.id(node));
        let [mut source_connection, mut target_connection] =
            [from, to].map(|node| self.nodes[node].connection());
        for slots in slots.chunks(MOVED_AT_ONCE) {
            let set = |connection: &mut redis::Connection, how: &str, other: &str| {
                let mut commands = redis::pipe();
                for slot in slots {
                    let command = commands.cmd("CLUSTER").arg("SETSLOT").arg(*slot);
                    command.arg(how).arg(other).ignore();
                }
                let set: redis::RedisResult<()> = commands.query(connection);
                set.unwrap_or_else(|error| panic!("CLUSTER SETSLOT … {how}: {error}"));
            };
            set(&mut target_connection, "IMPORTING", &source);
            set(&mut source_connection, "MIGRATING", &target);
            self.move_keys(&mut source_connection, slots, to);
            set(&mut target_connection, "NODE", &target);
            set(&mut source_connection, "NODE", &target);
        }
    }

    /// Moves all keys of slots that are being moved. No client can add one meanwhile.
    fn move_keys(&self, source: &mut redis::Connection, slots: &[u16], to: usize) {
        let mut lists = redis::pipe();
        for slot in slots {
            let list = lists.cmd("CLUSTER").arg("GETKEYSINSLOT");
            list.arg(*slot).arg(u16::MAX);
        }
        let keys: Vec<Vec<String>> = lists.query(source).expect("a master lists its keys");
        let target = self.nodes[to].address();
        for keys in keys.into_iter().filter(|keys| !keys.is_empty()) {
            // To database 0, within 5,000 ms.
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg(target.ip().to_string()).arg(target.port());
            migrate.arg("").arg(0).arg(5_000).arg("KEYS").arg(keys);
            migrate.exec(source).expect("keys can be moved");
        }
    }

    /// Deletes all keys.
    pub fn forget_keys(&self) {
        let masters = (0..self.nodes.len()).filter(|node| !self.halted.contains_key(node));
        for master in masters.filter(|node| self.is_master(*node)) {
            self.nodes[master].run::<()>(&["FLUSHALL"]);
        }
    }

    /// Adds a master and its replica, and returns the master's number. It has no slots yet.
    pub fn add_pair(&mut self) -> usize {
        let master = self.nodes.len();
        for number in [master, master + 1] {
            let node = RedisServer::start_with(&node_flags(free_port()));
            self.nodes.push(node.expect("the other nodes are running"));
            self.meet(number, 0..number);
        }
        self.replicate(master + 1, master);
        self.until_whole();
        master
    }

    /// Has all nodes forget their data, their names and the cluster, and makes them a cluster again: of
    /// other pairs, and other shares of the slots.
    pub fn wipe_and_build(&self) {
        for node in &self.nodes {
            // A master with keys refuses the reset, and a publisher may store one before it. A replica
            // refuses to delete its keys, and loses them by the reset.
            until("the node has forgotten everything", || {
                let _ = node.try_run::<()>(&["FLUSHALL"]);
                node.try_run::<()>(&["CLUSTER", "RESET", "HARD"]).is_ok()
            });
        }
        let order: Vec<usize> = (0..self.nodes.len()).rev().collect();
        let masters = order.len() / 2;
        // The first master has half of the slots.
        let end = |master| SLOTS / 2 + master * SLOTS / 2 / (masters - 1);
        self.build(&order, &(0..masters).map(end).collect::<Vec<_>>());
    }

    /// Whether a node believes that it is a master.
    pub fn is_master(&self, node: usize) -> bool {
        let role = self.nodes[node].run::<Vec<Value>>(&["ROLE"]);
        role.first() == Some(&Value::BulkString("master".into()))
    }

    /// The replica of a master.
    pub fn replica_of(&self, master: usize) -> usize {
        let port = self.nodes[master].address().port();
        let nodes = (0..self.nodes.len()).filter(|node| !self.halted.contains_key(node));
        let mut replicas = nodes.filter(|node| {
            let info: String = self.nodes[*node].run(&["INFO", "replication"]);
            info.contains(&format!("master_port:{port}\r\n"))
        });
        replicas
            .next()
            .expect("a whole cluster has a replica of it")
    }

    fn any(&self) -> &RedisServer {
        let is_ok = |node: &&RedisServer| {
            let info: String = node.run(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok")
        };
        self.running()
            .find(is_ok)
            .expect("a node is in the majority")
    }

    /// Makes single servers a cluster: the first half of `order` are the masters, each of which serves the
    /// slots below its end and from that of the master before it on; the second half are their replicas.
    fn build(&self, order: &[usize], ends: &[usize]) {
        for (epoch, node) in order.iter().enumerate() {
            let epoch = (epoch + 1).to_string();
            self.nodes[*node].run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
        }
        for (number, node) in order.iter().enumerate() {
            self.meet(*node, order[..number].iter().copied());
        }
        let (masters, replicas) = order.split_at(order.len() / 2);
        let mut first = 0;
        for (master, end) in masters.iter().zip(ends) {
            let (from, to) = (first.to_string(), (end - 1).to_string());
            self.nodes[*master].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", &from, &to]);
            first = *end;
        }
        for (master, replica) in masters.iter().zip(replicas) {
            self.replicate(*replica, *master);
        }
        self.until_whole();
    }

    /// Introduces a node to others, to each of them: waiting until gossip has introduced it takes seconds.
    fn meet(&self, node: usize, others: impl IntoIterator<Item = usize>) {
        for other in others {
            let other = &self.nodes[other];
            let (ip, port) = (other.address().ip().to_string(), other.address().port());
            let setting = |name: &str| {
                let settings: BTreeMap<String, String> = other.run(&["CONFIG", "GET", name]);
                settings[name].clone()
            };
            let bus = match setting("cluster-announce-bus-port") {
                none if none == "0" => setting("cluster-port"),
                announced => announced,
            };
            let meet = ["CLUSTER", "MEET", &ip, &port.to_string(), &bus];
            self.nodes[node].run::<()>(&meet);
        }
    }

    fn replicate(&self, replica: usize, master: usize) {
        let id = self.id(master);
        // A node can follow one that it knows.
        until("the replica knows its master", || {
            let replicate = ["CLUSTER", "REPLICATE", &id];
            self.nodes[replica].try_run::<()>(&replicate).is_ok()
        });
    }

    /// Whether all nodes name the same master for each range.
    fn agree(&self) -> bool {
        let view = |node: &RedisServer| {
            let slots: Vec<Vec<Value>> = node.run(&["CLUSTER", "SLOTS"]);
            let masters = slots
                .iter()
                .map(|range| (first_of(range), last_of(range), port_of(range)));
            masters.collect::<BTreeSet<_>>()
        };
        self.running().map(view).collect::<BTreeSet<_>>().len() == 1
    }

    fn id(&self, node: usize) -> String {
        self.nodes[node].run(&["CLUSTER", "MYID"])
    }

    /// The master of a range that has the slot; with -1, of any range.
    fn master_in(&self, range: &[Value], slot: i64) -> Option<usize> {
        let has_it = slot == -1 || (first_of(range)..=last_of(range)).contains(&slot);
        let port = port_of(range);
        let mut nodes = self.nodes.iter();
        has_it.then(|| nodes.position(|node| i64::from(node.address().port()) == port))?
    }
}

fn node_flags(bus: u16) -> Vec<String> {
    let (bus, timeout) = (bus.to_string(), NODE_TIMEOUT.to_string());
    let flags = [
        ["--cluster-enabled", "yes"],
        // By default it is the port and 10,000, which may be above 65,535.
        ["--cluster-port", &bus],
        ["--cluster-node-timeout", &timeout],
        // By default a replica is synchronised after five seconds, and cannot replace its master before.
        ["--repl-diskless-sync-delay", "0"],
    ];
    flags.concat().into_iter().map(str::to_owned).collect()
}

fn first_of(range: &[Value]) -> i64 {
    number(&range[0])
}

fn last_of(range: &[Value]) -> i64 {
    number(&range[1])
}

fn port_of(range: &[Value]) -> i64 {
    match &range[2] {
        Value::Array(master) => number(&master[1]),
        other => panic!("{other:?} is not a node of CLUSTER SLOTS"),
    }
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => panic!("{other:?} is not a number"),
    }
}
