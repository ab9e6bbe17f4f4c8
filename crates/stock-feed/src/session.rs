//! One user, as everyone but the hub's fan-out sees it: the heartbeat, the farewell, its own task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use pubsub_manager::{Connection, Encode, Message, PubSubManager, Socket, UserId};
use tokio::net::TcpStream;

use crate::frame::{CloseCode, close_frame, ping_frame, text_frame};
use crate::socket::UserSocket;

/// One user of this server. Its socket is kept by the manager, beside what the user follows: there
/// a price has one place in memory to look at on its way.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection<UserSocket>,
    /// How many heartbeats in a row have heard nothing of this user.
    silent: AtomicU8,
}

impl Session {
    /// Makes a user known to the manager, which tells it at once whether prices flow. There is
    /// none if the manager has ended.
    pub(crate) fn begin(
        manager: &PubSubManager,
        id: UserId,
        stream: TcpStream,
    ) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            connection: manager.connect(id, UserSocket::new(stream)).ok()?,
            silent: AtomicU8::new(0),
        }))
    }

    pub(crate) fn socket(&self) -> &UserSocket {
        self.connection.socket()
    }

    /// The user gave a sign of life.
    pub(crate) fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    /// Looks after the user, twice in every `ping_every`: one that was silent between two looks is
    /// asked for a sign of life, and one that does not answer until the next is given up.
    pub(crate) fn beat(&self) {
        match self.silent.fetch_add(1, Ordering::Relaxed) {
            0 => {}
            1 => {
                let mut ping = Vec::new();
                ping_frame(&mut ping);
                self.connection.send(&ping);
            }
            // A cable was pulled, a phone went into a tunnel: TCP would notice in a quarter of
            // an hour, and until then the seat is taken.
            _ => self.socket().close(),
        }
    }

    /// Says goodbye: the close frame is the last thing the user is sent, and then the end.
    pub(crate) fn goodbye(&self, code: CloseCode, reason: &str) {
        let mut bye = Vec::new();
        close_frame(&mut bye, code, reason);
        self.connection.close(&bye);
    }
}

/// Messages as WebSocket text frames: encoded once for all users who get them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFrames;

impl Encode for TextFrames {
    fn encode(&self, message: &Message<'_>, into: &mut Vec<u8>) {
        text_frame(into, |into| {
            serde_json::to_writer(into, message)
                .expect("a message is JSON, and a Vec takes it all");
        });
    }
}
