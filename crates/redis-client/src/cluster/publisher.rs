//! Publishing to a cluster: each message goes to the master of its channel's slot.

use crate::{
    NodeAddress, RedisCluster, Topology,
    refusal::{is_redirected, is_refusal},
    slot_of,
};
use futures_util::future::join_all;
use parking_lot::Mutex as SyncMutex;
use redis::{AsyncConnectionConfig, ErrorKind, Pipeline, RedisError, aio::MultiplexedConnection};
use std::{collections::BTreeMap, fmt, mem, sync::Arc, time::Duration};
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

/// A channel, and what is published there.
type Message<'a> = (String, &'a str);

/// What a master did with its messages.
#[derive(Default)]
struct Published<'a> {
    /// How many subscribers received them, summed over the messages.
    received: u64,
    /// Messages that were not published, because another master serves their slots.
    redirected: Vec<Message<'a>>,
}

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
        let deadline = Instant::now() + REPLY_TIMEOUT;
        let mut messages: Vec<Message<'a>> = messages.into_iter().collect();
        let (mut received, mut failed) = (0, None);
        loop {
            let usable_at = *self.0.usable_at.lock();
            sleep_until(usable_at).await;
            let topology = self.topology();
            let unsent = mem::take(&mut messages);
            for result in self.publish_by(&topology, unsent, deadline).await {
                match result {
                    Ok(published) => {
                        received += published.received;
                        messages.extend(published.redirected);
                    }
                    Err(error) => failed = Some(error),
                }
            }
            if messages.is_empty() && failed.is_none() {
                return Ok(received);
            }
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
    ) -> Vec<Result<Published<'a>, RedisError>> {
        let mut by_master: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for message in messages {
            let master = topology.master_of(slot_of(&message.0));
            by_master.entry(master).or_default().push(message);
        }
        let redirected = by_master.remove(&None).unwrap_or_default();
        let sent = by_master.into_iter().filter_map(|(master, messages)| {
            master.map(|master| self.publish_to(master, messages, deadline))
        });
        let mut results = join_all(sent).await;
        results.push(Ok(Published {
            received: 0,
            redirected,
        }));
        results
    }

    async fn publish_to<'a>(
        &self,
        master: &NodeAddress,
        messages: Vec<Message<'a>>,
        deadline: Instant,
    ) -> Result<Published<'a>, RedisError> {
        let mut commands = redis::pipe();
        for (channel, message) in &messages {
            commands.cmd("SPUBLISH").arg(channel).arg(*message);
        }
        commands.ignore_errors();
        let answers = timeout_at(deadline, self.query(master, &commands)).await;
        let no_answer = (ErrorKind::Io, "a master does not answer");
        let answers = answers
            .unwrap_or_else(|_| Err((no_answer.0, no_answer.1, master.to_string()).into()))?;
        let mut published = Published::default();
        let Some(answers) = answers else {
            published.redirected = messages;
            return Ok(published);
        };
        for (message, answer) in messages.into_iter().zip(answers) {
            match answer {
                Ok(received) => published.received += received,
                Err(error) if is_redirected(&error) => published.redirected.push(message),
                Err(error) => return Err(error),
            }
        }
        Ok(published)
    }

    /// The answers of a master; none if there is no connection to it, so that nothing was sent.
    async fn query(
        &self,
        master: &NodeAddress,
        commands: &Pipeline,
    ) -> Result<Option<Vec<Result<u64, RedisError>>>, RedisError> {
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
        let answers = commands.query_async(&mut connection).await?;
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
