//! A socket to a Redis: commands out, replies in.

use super::{
    resp::{self, Part, Reply},
    url::RedisUrl,
};
use crate::broker::Lost;
use redis::Cmd;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How much is read at once: what a burst brought is then relayed together.
const READ: usize = 64 * 1024;
/// An inbox that a huge message made larger than this is given back.
const KEEP: usize = 1024 * 1024;

/// A socket of our own, because then the task that reads is the task that relays. The `redis`
/// crate's connection reads in a task of its own, hands over through a channel without bound, and
/// keeps each channel's confirmation to itself.
pub(crate) struct Wire {
    socket: TcpStream,
    inbox: Vec<u8>,
    /// How much of the inbox has been understood: more than there is, while a message that is too
    /// long is passed over.
    used: usize,
    outbox: Vec<u8>,
}

impl Wire {
    /// Connects and logs in.
    pub(crate) async fn dial(url: &RedisUrl) -> Result<Self, Lost> {
        let socket = TcpStream::connect((url.host.as_str(), url.port)).await;
        let socket = socket.map_err(|error| Lost(format!("no Redis at {url}: {error}")))?;
        socket.set_nodelay(true).map_err(broken)?;
        let mut wire = Self {
            socket,
            inbox: Vec::new(),
            used: 0,
            outbox: Vec::new(),
        };
        if let Some(login) = &url.login {
            let mut auth = redis::cmd("AUTH");
            auth.arg(login.username.as_deref()).arg(&login.password);
            wire.write(&auth);
            wire.answer(accepted).await??;
        }
        Ok(wire)
    }

    /// Puts a command in line; it leaves with the next [`exchange`](Self::exchange).
    pub(crate) fn write(&mut self, command: &Cmd) {
        self.outbox.extend_from_slice(&command.get_packed_command());
    }

    /// Writes what stands in line, and waits until something new has come. Safe to cancel.
    pub(crate) async fn exchange(&mut self) -> Result<(), Lost> {
        let passed = self.used.min(self.inbox.len());
        self.inbox.drain(..passed);
        self.used -= passed;
        if self.inbox.is_empty() && self.inbox.capacity() > KEEP {
            self.inbox = Vec::new();
        }
        self.inbox.reserve(READ);
        let (mut reader, mut writer) = self.socket.split();
        loop {
            // Both at once: a Redis that will not read before it was read from must not stop us.
            tokio::select! {
                biased;
                written = writer.write(&self.outbox), if !self.outbox.is_empty() => {
                    self.outbox.drain(..written.map_err(broken)?);
                }
                read = reader.read_buf(&mut self.inbox) => {
                    return match read.map_err(broken)? {
                        0 => Err(Lost("Redis closed the link".into())),
                        _ => Ok(()),
                    };
                }
            }
        }
    }

    /// The next reply that has come completely.
    pub(crate) fn next_reply(&mut self) -> Result<Option<Reply<'_>>, Lost> {
        let unread = self.inbox.get(self.used..).unwrap_or_default();
        let next = resp::read(unread);
        let next = next.map_err(|_| Lost("what answers there is no Redis".into()))?;
        Ok(next.map(|(reply, length)| {
            self.used += length;
            reply
        }))
    }

    /// Waits for one reply, and makes of it what the caller needs.
    pub(crate) async fn answer<T>(&mut self, make: impl Fn(Reply<'_>) -> T) -> Result<T, Lost> {
        loop {
            if let Some(reply) = self.next_reply()? {
                return Ok(make(reply));
            }
            self.exchange().await?;
        }
    }
}

/// Any reply will do but an error.
pub(crate) fn accepted(reply: Reply<'_>) -> Result<(), Lost> {
    match reply {
        Reply::One(Part::Error(error)) => Err(refused(error)),
        _ => Ok(()),
    }
}

/// Redis said no to what the whole link needs.
pub(crate) fn refused(error: &[u8]) -> Lost {
    Lost(format!(
        "Redis refuses us: {}",
        String::from_utf8_lossy(error)
    ))
}

fn broken(error: io::Error) -> Lost {
    Lost(format!("the link to Redis broke: {error}"))
}
