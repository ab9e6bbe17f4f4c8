//! Publishing to a cluster: each message goes to the master of its channel's slot.

mod batch;

use crate::{NodeAddress, Published, RedisCluster, Topology, refusal::is_refusal, slot_of};
use batch::{Batch, Message, Outcome};
use futures_util::future::join_all;
use parking_lot::Mutex as SyncMutex;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, Value, aio::MultiplexedConnection};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout_at},
};

/// How long a call may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before a message is sent again that the wrong master received, and before the first
/// message after a slot has another master. A former master, which is a replica after a planned failover,
/// hands on what it takes by the cluster bus: without the pause the next message would overtake it.
const REDIRECT_PAUSE: Duration = Duration::from_millis(50);

/// How old the topology may be while messages are published. A master that is cut off from the others
/// goes on taking messages, which reach nobody once the others have replaced it.
const TOPOLOGY_MAX_AGE: Duration = Duration::from_millis(250);

/// Publishes messages to a Redis Cluster by SPUBLISH. Clones share its connections.
#[derive(Clone)]
pub struct ClusterPublisher(Arc<Inner>);

struct Inner {
    cluster: RedisCluster,
    /// Replaced by the call that reads a newer one. It is kept while no node answers: if one master is
    /// down, the others serve the same slots as before.
    topology: SyncMutex<Arc<Topology>>,
    /// When it was read, or when reading it was begun.
    read_at: SyncMutex<Instant>,
    /// No message is sent before: what was sent to former masters has been handed on by then.
    usable_at: SyncMutex<Instant>,
    /// Held by the call that reads the topology; other calls wait for its result.
    reading: Mutex<()>,
    connections: SyncMutex<BTreeMap<NodeAddress, Connection>>,
}

/// A call takes the connection out and puts it back when all is answered, as in `RedisPublisher`. The
/// lock is held meanwhile, so messages for one master leave in the order of the calls.
type Connection = Arc<Mutex<Option<MultiplexedConnection>>>;

impl ClusterPublisher {
    /// A publisher that connects with the first message.
    pub fn new(cluster: RedisCluster) -> Self {
        Self(Arc::new(Inner {
            cluster,
            topology: SyncMutex::default(),
            read_at: SyncMutex::new(Instant::now()),
            usable_at: SyncMutex::new(Instant::now()),
            reading: Mutex::default(),
            connections: SyncMutex::default(),
        }))
    }

    /// Publishes messages to all masters at the same time, those of each channel in this order. Returns
    /// how many subscribers received them, summed over the messages. The sum can be too low: a former
    /// master counts its own subscribers only, although the new master's receive the message as well.
    ///
    /// A message that finds the wrong master, or no connection to it, is sent again. Two calls that run
    /// at the same time while a slot is moved may therefore publish in either order.
    ///
    /// # Errors
    /// A master refused a message, was lost, or did not answer in five seconds: any number of the
    /// messages may have been published.
    pub async fn publish<'a>(
        &self,
        messages: impl IntoIterator<Item = (String, &'a str)>,
    ) -> Result<u64, RedisError> {
        let messages = messages.into_iter();
        let published_only = |(channel, text)| Message {
            channel,
            text,
            time_to_live: None,
            is_refused: false,
        };
        let published = self.send(messages.map(published_only).collect()).await?;
        Ok(published.received)
    }

    /// Publishes messages as [`publish`](Self::publish) does, and stores the last one of each channel under
    /// its [`last_price_key`](crate::last_price_key), in one transaction for each slot: who is subscribed
    /// and reads the key has received every message up to the stored one. Redis forgets it after
    /// `time_to_live`, in whole seconds, between one and a year.
    ///
    /// A master that refuses to store (it is full, or an ACL forbids it) is sent the messages to publish
    /// only, and so is one that stores nothing for a moment: the cluster is down because another master is
    /// lost, or the slot is being moved. Such a message leaves an older stored one behind it.
    ///
    /// # Errors
    /// As above.
    pub async fn store_and_publish<'a>(
        &self,
        messages: impl IntoIterator<Item = (String, &'a str)>,
        time_to_live: Duration,
    ) -> Result<Published, RedisError> {
        let messages = messages.into_iter();
        let stored = |(channel, text)| Message {
            channel,
            text,
            time_to_live: Some(time_to_live),
            is_refused: false,
        };
        self.send(messages.map(stored).collect()).await
    }

    async fn send(&self, mut messages: Vec<Message<'_>>) -> Result<Published, RedisError> {
        let deadline = Instant::now() + REPLY_TIMEOUT;
        let (mut published, mut failed) = (Published::default(), None);
        loop {
            let usable_at = *self.0.usable_at.lock();
            sleep_until(usable_at).await;
            let topology = self.topology();
            let (mut redirected, mut not_stored) = (Vec::new(), Vec::new());
            for result in self.publish_by(&topology, messages, deadline).await {
                match result {
                    Ok(outcome) => {
                        published.received += outcome.received;
                        published.not_stored = published.not_stored.or(outcome.refusal);
                        redirected.extend(outcome.redirected);
                        not_stored.extend(outcome.not_stored);
                    }
                    Err(error) => failed = Some(error),
                }
            }
            messages = not_stored;
            if redirected.is_empty() && failed.is_none() {
                if messages.is_empty() {
                    return Ok(published);
                }
                // Their master is the right one, and publishes what it does not store.
                continue;
            }
            messages.extend(redirected);
            let unread = self.read_topology(&topology).await.err();
            // The messages of the other masters are sent first.
            if let Some(error) = failed.take_if(|_| messages.is_empty()) {
                return Err(error);
            }
            if Instant::now() >= deadline {
                let no_master = || (ErrorKind::Io, "no master takes the message").into();
                return Err(unread.unwrap_or_else(no_master));
            }
        }
    }

    /// The latest topology. An old one is used as well, and is read again meanwhile.
    fn topology(&self) -> Arc<Topology> {
        let topology = Arc::clone(&self.0.topology.lock());
        let mut read_at = self.0.read_at.lock();
        if read_at.elapsed() > TOPOLOGY_MAX_AGE {
            *read_at = Instant::now();
            let (publisher, used) = (self.clone(), Arc::clone(&topology));
            tokio::spawn(async move { publisher.read_topology(&used).await });
        }
        topology
    }

    /// Sends each message to its master. A master that does not answer delays none of the others.
    async fn publish_by<'a>(
        &self,
        topology: &Topology,
        messages: Vec<Message<'a>>,
        deadline: Instant,
    ) -> Vec<Result<Outcome<'a>, RedisError>> {
        let mut by_master: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for message in messages {
            let master = topology.master_of(slot_of(&message.channel));
            by_master.entry(master).or_default().push(message);
        }
        let redirected = by_master.remove(&None).unwrap_or_default();
        let sent = by_master.into_iter().filter_map(|(master, messages)| {
            master.map(|master| self.publish_to(master, messages, deadline))
        });
        let mut results = join_all(sent).await;
        results.push(Ok(Outcome {
            redirected,
            ..Outcome::default()
        }));
        results
    }

    async fn publish_to<'a>(
        &self,
        master: &NodeAddress,
        messages: Vec<Message<'a>>,
        deadline: Instant,
    ) -> Result<Outcome<'a>, RedisError> {
        let batch = Batch::new(messages);
        let answers = timeout_at(deadline, self.query(master, &batch)).await;
        let no_answer = (ErrorKind::Io, "a master does not answer");
        let answers = answers
            .unwrap_or_else(|_| Err((no_answer.0, no_answer.1, master.to_string()).into()))?;
        match answers {
            Some(answers) => batch.outcome(answers),
            None => Ok(batch.unsent()),
        }
    }

    /// The answers of a master; none if there is no connection to it, so that nothing was sent.
    async fn query(
        &self,
        master: &NodeAddress,
        batch: &Batch<'_>,
    ) -> Result<Option<Vec<Result<Value, RedisError>>>, RedisError> {
        let connection = {
            let mut connections = self.0.connections.lock();
            Arc::clone(connections.entry(master.clone()).or_default())
        };
        let mut kept = connection.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => {
                let url = self.0.cluster.node(master);
                match url.connect(AsyncConnectionConfig::new()).await {
                    Ok(connection) => connection,
                    Err(error) if is_refusal(&error) => return Err(error),
                    Err(_) => return Ok(None),
                }
            }
        };
        let answers: Vec<_> = batch.commands.query_async(&mut connection).await?;
        *kept = Some(connection);
        Ok(Some(answers))
    }

    /// Reads the topology, unless another call has replaced the one that was `used`.
    async fn read_topology(&self, used: &Arc<Topology>) -> Result<(), RedisError> {
        let _one_at_a_time = self.0.reading.lock().await;
        if !Arc::ptr_eq(used, &self.0.topology.lock()) {
            return Ok(());
        }
        let read = self.0.cluster.read_topology().await;
        // A cluster in which a master was just lost has no newer topology for some seconds.
        sleep(REDIRECT_PAUSE).await;
        let (read, now) = (read?, Instant::now());
        *self.0.read_at.lock() = now;
        let mut topology = self.0.topology.lock();
        if **topology != read {
            *self.0.usable_at.lock() = now + REDIRECT_PAUSE;
            *topology = Arc::new(read);
        }
        Ok(())
    }
}

impl fmt::Debug for ClusterPublisher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ClusterPublisher({})", self.0.cluster)
    }
}
