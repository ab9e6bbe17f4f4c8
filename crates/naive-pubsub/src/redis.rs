//! Stands in for Redis and for its client, in this process, so that the lesson needs nothing
//! installed. The client has the fault of the lecture's client in some of its releases (node-redis
//! issues 1252 and 2155): it reconnects by itself, and does not subscribe again.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long connecting takes: a handshake across a network.
pub const HANDSHAKE: Duration = Duration::from_millis(40);

static SERVER: LazyLock<Mutex<Server>> = LazyLock::new(Mutex::default);

type Callback = Arc<dyn Fn(&str) + Send + Sync>;

/// One callback for each channel is enough: this process has one manager with one client.
#[derive(Default)]
struct Server {
    subscribed: HashMap<String, Callback>,
    commands: Vec<String>,
    connected: watch::Sender<bool>,
}

/// Publishes a message, as `redis-cli PUBLISH` does, and returns how many clients received it. A client
/// that is not subscribed at this moment misses it: pub/sub is not a queue and keeps nothing.
pub fn publish(channel: &str, message: &str) -> usize {
    // The callback is cloned out of the lock, because it takes the manager's lock, and the
    // manager calls `subscribe` while it holds that one: each would wait for the other.
    let subscriber = server().subscribed.get(channel).cloned();
    if let Some(callback) = &subscriber {
        callback(message);
    }
    usize::from(subscriber.is_some())
}

/// The number of clients subscribed to a channel, as `PUBSUB NUMSUB` returns it.
pub fn numsub(channel: &str) -> usize {
    usize::from(server().subscribed.contains_key(channel))
}

/// The commands about one channel that the server was sent, oldest first.
pub fn commands(channel: &str) -> Vec<String> {
    let about = |command: &&String| command.split(' ').nth(1) == Some(channel);
    server().commands.iter().filter(about).cloned().collect()
}

/// Waits until a client is connected. The lecture's manager never does.
pub async fn connected() {
    let mut connected = server().connected.subscribe();
    connected
        .wait_for(|up| *up)
        .await
        .expect("the server is a static, so its sender lives on");
}

/// Cuts every connection, as a restart of Redis does. The client reconnects immediately, and the new
/// connection is subscribed to nothing.
pub fn restart() {
    server().subscribed.clear();
}

fn server() -> MutexGuard<'static, Server> {
    // Each change to the server is one call on one collection, so a panic leaves it whole.
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A command for a client that has already quit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the client has quit, so nothing was sent; make a new client")]
pub struct ClientClosed;

/// One client. Clones share its connection.
#[derive(Clone, Default)]
pub struct RedisClient {
    state: Arc<Mutex<ConnectionState>>,
}

enum ConnectionState {
    /// Commands wait here until the connection is up.
    Connecting(Vec<Command>),
    Up,
    Closed,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self::Connecting(Vec::new())
    }
}

enum Command {
    Subscribe(String, Callback),
    Unsubscribe(String),
}

impl RedisClient {
    /// Connects, and then sends the commands that have waited.
    pub async fn connect(self) {
        tokio::time::sleep(HANDSHAKE).await;
        let mut state = self.lock();
        if let ConnectionState::Connecting(waiting) = mem::replace(&mut *state, ConnectionState::Up)
        {
            waiting.into_iter().for_each(Command::run);
            server().connected.send_replace(true);
        } else {
            *state = ConnectionState::Closed;
        }
    }

    /// Subscribes to a channel: `callback` is called with each of its messages.
    ///
    /// # Errors
    /// [`ClientClosed`] after [`quit`](Self::quit).
    pub fn subscribe(
        &self,
        channel: &str,
        callback: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(), ClientClosed> {
        self.send(Command::Subscribe(channel.to_owned(), Arc::new(callback)))
    }

    /// Unsubscribes from a channel.
    ///
    /// # Errors
    /// [`ClientClosed`] after [`quit`](Self::quit).
    pub fn unsubscribe(&self, channel: &str) -> Result<(), ClientClosed> {
        self.send(Command::Unsubscribe(channel.to_owned()))
    }

    /// Closes the connection, and with it every subscription.
    pub fn quit(&self) {
        *self.lock() = ConnectionState::Closed;
        server().subscribed.clear();
    }

    fn send(&self, command: Command) -> Result<(), ClientClosed> {
        match &mut *self.lock() {
            ConnectionState::Connecting(waiting) => waiting.push(command),
            ConnectionState::Up => command.run(),
            ConnectionState::Closed => return Err(ClientClosed),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Command {
    /// Executes the command on the server.
    fn run(self) {
        let mut server = server();
        match self {
            Self::Subscribe(channel, callback) => {
                server.commands.push(format!("SUBSCRIBE {channel}"));
                server.subscribed.insert(channel, callback);
            }
            Self::Unsubscribe(channel) => {
                server.commands.push(format!("UNSUBSCRIBE {channel}"));
                server.subscribed.remove(&channel);
            }
        }
    }
}
