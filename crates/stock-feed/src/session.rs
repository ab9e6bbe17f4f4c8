//! One user, as everyone but the hub's fan-out sees it: the heartbeat, the end, its own task.

use std::sync::Arc;

use pubsub_manager::{Connection, Encode, Message, PubSubManager, Socket, UserId};
use tokio::net::TcpStream;

use crate::frame::{CloseCode, close_frame, ping_frame, text_frame};
use crate::pulse::Due;
use crate::socket::UserSocket;

/// One user of this server. Its socket is kept by the manager, beside what the user follows: there
/// a price has one place in memory to look at on its way.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection<UserSocket>,
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
        }))
    }

    pub(crate) fn socket(&self) -> &UserSocket {
        self.connection.socket()
    }

    /// Looks after the user, once in each round of the heartbeat.
    pub(crate) fn beat(&self) {
        match self.socket().pulse.due() {
            Due::Nothing => {}
            Due::Ping => {
                let mut ping = Vec::new();
                ping_frame(&mut ping);
                self.connection.send(&ping);
            }
            Due::Eviction => self.socket().close(),
        }
    }

    /// Closes the connection: the close frame is the last thing that the user is sent.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        let mut frame = Vec::new();
        close_frame(&mut frame, code, reason);
        self.connection.close(&frame);
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
