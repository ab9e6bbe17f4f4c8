//! A Redis Cluster: several masters, each of which serves some of the 16,384 slots, and with them some
//! of our channels.
//!
//! What is lost together is subscribed together, and that is a slot: a command names channels of one slot
//! only, a slot is moved as a whole, and a master that is lost is the loss of its slots. So each slot in
//! which stocks are wanted has a [`Subscriber`] of its own, on the connection to its master. If the slot is
//! moved or its master is lost, this loop ends, its stocks become stale, and a new loop begins on the slot's
//! next master. Users of other stocks are sent nothing.

mod master;
mod slot;

use crate::{
    Feed, RedisCluster, Stock,
    broker::{BrokerError, OnMessage},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use hub::Hub;
use master::Master;
use parking_lot::Mutex;
use redis_client::{NodeAddress, Topology, in_words, slot_of};
use slot::{Slot, SlotConnection};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{
    select,
    sync::{Notify, mpsc},
    time::sleep,
};

/// The pauses between two reads of the topology, and so between two attempts to connect to a master.
/// They are short: publishers find a new master without us, and what they publish until then is lost.
const TOPOLOGY_PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_millis(250))
    .with_jitter()
    .without_max_times();

/// A cluster, and what is known of it.
pub(crate) struct Cluster {
    redis: RedisCluster,
    prefix: Arc<str>,
    /// Written by the loop that reads it from the nodes, and kept while no node answers.
    topology: Mutex<Arc<Topology>>,
    /// Wakes that loop: a master or a slot was lost.
    read_now: Notify,
}

impl Cluster {
    pub(crate) fn new(redis: RedisCluster, prefix: &str) -> Self {
        Self {
            redis,
            prefix: prefix.into(),
            topology: Mutex::default(),
            read_now: Notify::new(),
        }
    }

    fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.lock())
    }

    fn channel(&self, stock: &Stock) -> String {
        format!("{}{stock}", self.prefix)
    }

    /// Reads the topology after each loss, and again and again when nothing seems lost: a master that is
    /// cut off from the others goes on answering us, and our own probes come back.
    async fn read_topology(&self, changes: &Changes) {
        let mut pauses = TOPOLOGY_PAUSES.build();
        loop {
            let _ = changes.send(match self.redis.read_topology().await {
                Ok(read) => {
                    let mut topology = self.topology.lock();
                    if **topology != read {
                        *topology = Arc::new(read);
                    }
                    Change::TopologyRead
                }
                Err(error) => Change::TopologyUnreadable(in_words(&error)),
            });
            select! {
                () = sleep(pauses.next().expect("the pauses have no end")) => {}
                () = self.read_now.notified() => pauses = TOPOLOGY_PAUSES.build(),
            }
        }
    }
}

/// What changed outside the loop of [`ClusterSubscriber`], which has to act on it.
enum Change {
    TopologyRead,
    TopologyUnreadable(String),
    /// A master's first probe has come back.
    Connected(Arc<Master>),
    /// A master has ended the subscriptions of this slot, because another master serves it.
    Moved(NodeAddress, u16),
    /// All stocks of a slot that were wanted when its subscriber began are confirmed or refused.
    Answered,
}

type Changes = mpsc::UnboundedSender<Change>;

/// Keeps every wanted stock subscribed on the master of its slot.
pub(crate) async fn subscribe(
    hub: &Hub,
    cluster: Cluster,
    on_message: &OnMessage,
    unsubscribe_delay: Duration,
) {
    let (changes, received) = mpsc::unbounded_channel();
    let cluster = Arc::new(cluster);
    let mut subscriber = ClusterSubscriber {
        hub,
        cluster: &cluster,
        on_message,
        unsubscribe_delay,
        changes: &changes,
        compared: Arc::default(),
        masters: BTreeMap::new(),
        connections: FuturesUnordered::new(),
        slots: HashMap::new(),
        subscribers: FuturesUnordered::new(),
        unanswered: Arc::new(()),
        stale_because: String::new(),
    };
    select! {
        () = cluster.read_topology(&changes) => {}
        () = subscriber.run(received) => {}
    }
}

/// The masters and the slots. Each has a future in the manager's task, so that all end with the manager.
struct ClusterSubscriber<'a> {
    hub: &'a Hub,
    cluster: &'a Arc<Cluster>,
    on_message: &'a OnMessage,
    unsubscribe_delay: Duration,
    changes: &'a Changes,
    /// The topology with which masters and slots were compared last.
    compared: Arc<Topology>,
    /// All masters of the topology; none in place of a connection that is being made for the first time.
    masters: BTreeMap<NodeAddress, Option<Arc<Master>>>,
    /// One for each of them, which ends when its connection cannot be made or is lost.
    connections: FuturesUnordered<BoxFuture<'a, (NodeAddress, BrokerError)>>,
    /// The slots in which stocks are or were wanted.
    slots: HashMap<u16, Slot>,
    /// One for each slot that has a subscriber, which ends when the slot is moved or lost.
    subscribers: FuturesUnordered<BoxFuture<'a, (u16, bool)>>,
    /// Each subscriber has a clone of it until its first stocks are answered.
    unanswered: Arc<()>,
    /// Why there is no connection to any master.
    stale_because: String,
}

impl ClusterSubscriber<'_> {
    async fn run(&mut self, mut changes: mpsc::UnboundedReceiver<Change>) {
        loop {
            for stock in self.hub.dirty().take() {
                self.compare(stock);
            }
            self.update_feed();
            select! {
                () = self.hub.dirty().changed() => {}
                Some(change) = changes.recv() => self.apply(change),
                Some((address, why)) = self.connections.next() => self.master_lost(&address, &why),
                Some((number, was_subscribed)) = self.subscribers.next() => {
                    self.slot_ended(number, was_subscribed);
                }
            }
        }
    }

    /// Passes a stock on to the subscriber of its slot.
    fn compare(&mut self, stock: Stock) {
        let number = slot_of(&self.cluster.channel(&stock));
        let slot = self.slots.entry(number).or_default();
        if self.hub.is_wanted(&stock) {
            slot.stocks.insert(stock);
        } else {
            slot.stocks.remove(&stock);
        }
        if let Some(connection) = &slot.connection {
            connection.dirty.mark(stock);
        } else if slot.stocks.contains(&stock) {
            self.start(number);
        } else {
            // There is no subscriber that forgets it.
            self.hub.forget(&stock);
        }
    }

    /// Starts the subscriber of a slot if its master is connected; otherwise its stocks are stale.
    fn start(&mut self, number: u16) {
        let topology = self.cluster.topology();
        let master = topology.master_of(number);
        let master = master.and_then(|address| self.masters.get(address));
        let Some(slot) = self.slots.get_mut(&number) else {
            return;
        };
        let Some(Some(master)) = master else {
            // While the feed is stale its users know, and `update_feed` sends the rest.
            if self.hub.feed() == Feed::Live {
                slot.unconfirmed(self.hub);
            }
            return;
        };
        let connection = Arc::new(SlotConnection::new(Arc::clone(master)));
        slot.connection = Some(Arc::clone(&connection));
        let (hub, wanted, delay) = (self.hub, slot.stocks.clone(), self.unsubscribe_delay);
        let (unanswered, changes) = (Arc::clone(&self.unanswered), self.changes);
        self.subscribers.push(Box::pin(async move {
            let answered = || {
                drop(unanswered);
                let _ = changes.send(Change::Answered);
            };
            let was_subscribed = connection.subscribe_to(hub, wanted, delay, answered).await;
            (number, was_subscribed)
        }));
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::TopologyRead => self.compare_with_topology(),
            Change::TopologyUnreadable(why) => self.stale_because = why,
            Change::Connected(master) => {
                self.masters.insert(master.address().clone(), Some(master));
            }
            Change::Moved(master, number) => {
                let slot = self.slots.get(&number);
                if let Some(connection) = slot.and_then(|slot| slot.connection.as_ref())
                    && *connection.master().address() == master
                {
                    connection.end();
                }
                // The next master is known when the topology has been read.
                return;
            }
            Change::Answered => return,
        }
        self.slots
            .retain(|_, slot| slot.connection.is_some() || !slot.stocks.is_empty());
        let waiting = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.connection.is_none());
        let waiting: Vec<u16> = waiting.map(|(number, _)| *number).collect();
        waiting.into_iter().for_each(|number| self.start(number));
    }

    /// Ends what the topology says is elsewhere, and connects to its new masters.
    fn compare_with_topology(&mut self) {
        let topology = self.cluster.topology();
        let masters = topology.masters();
        if !Arc::ptr_eq(&self.compared, &topology) {
            for (number, slot) in &self.slots {
                if let Some(connection) = &slot.connection
                    && topology.master_of(*number) != Some(connection.master().address())
                {
                    connection.end();
                }
            }
            for master in self.masters.values().flatten() {
                if !masters.contains(master.address()) {
                    master.lose("it is not a master any more");
                }
            }
        }
        for address in masters {
            if !self.masters.contains_key(address) {
                self.masters.insert(address.clone(), None);
                let (cluster, changes, on_message) = (self.cluster, self.changes, self.on_message);
                let address = address.clone();
                self.connections.push(Box::pin(async move {
                    let why = master::run(cluster, &address, on_message, changes).await;
                    (address, why)
                }));
            }
        }
        self.compared = topology;
    }

    /// The next read of the topology makes a new attempt.
    fn master_lost(&mut self, address: &NodeAddress, why: &BrokerError) {
        self.stale_because = why.to_string();
        if let Some(Some(master)) = self.masters.remove(address) {
            self.hub.node_lost(address, why, master.channels());
            self.cluster.read_now.notify_one();
        }
    }

    fn slot_ended(&mut self, number: u16, was_subscribed: bool) {
        if let Some(slot) = self.slots.get_mut(&number) {
            slot.connection = None;
        }
        // A slot that no master serves ends as soon as it starts. If that read the topology, it would be
        // read twenty times a second.
        if was_subscribed {
            self.cluster.read_now.notify_one();
        }
    }

    /// The feed is live once every master was reached or has failed once, and has answered; from then on
    /// only stocks become stale, until no master is left.
    fn update_feed(&self) {
        let connected = self.masters.values().flatten().count();
        let is_answered = Arc::strong_count(&self.unanswered) == 1;
        if connected == 0 {
            self.hub.go_stale(&self.stale_because);
        } else if connected == self.masters.len() && is_answered && self.hub.feed() == Feed::Stale {
            let waiting = self.slots.values().filter(|slot| slot.connection.is_none());
            waiting.for_each(|slot| slot.unconfirmed(self.hub));
            self.hub.go_live();
        }
    }
}
