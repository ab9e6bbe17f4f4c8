//! One user, as the heartbeat, the drain and the user's own task see it; the fan-out sees the socket only.

use std::sync::Arc;

use pubsub_manager::{Connection, Encode, FeedMessage, Pace, PubSubManager, Socket, UserId};
use tokio::net::TcpStream;

use crate::frame::{CloseCode, close_frame, ping_frame, text_frame};
use crate::pulse::Due;
use crate::request::BadRequest;
use crate::socket::UserSocket;

/// One user of this server. The manager keeps its socket beside its subscriptions, so that a price finds
/// both in one place in memory.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection<UserSocket>,
}

impl Session {
    /// Connects a user to the manager, which sends it at once whether prices are live. None if the manager
    /// has ended.
    pub(crate) fn begin(
        manager: &PubSubManager,
        id: UserId,
        stream: TcpStream,
        pace: Option<Pace>,
    ) -> Option<Arc<Self>> {
        let connection = manager.connect_at_pace(id, UserSocket::new(stream), pace);
        Some(Arc::new(Self {
            connection: connection.ok()?,
        }))
    }

    pub(crate) fn socket(&self) -> &UserSocket {
        self.connection.socket()
    }

    /// Sends the user what was wrong with its message or its handshake.
    pub(crate) fn send_error(&self, error: &BadRequest) {
        let mut frame = Vec::new();
        text_frame(&mut frame, |into| error.to_json(into));
        self.connection.send(&frame);
    }

    /// Pings or evicts the user if it is due; called once in each round of the heartbeat.
    pub(crate) fn beat(&self) {
        match self.socket().pulse.due() {
            Due::Nothing => {}
            Due::Ping => {
                let mut ping = Vec::new();
                ping_frame(&mut ping);
                self.connection.send(&ping);
            }
            // Without a close frame, which would wait behind what is unread, and keep the user for longer.
            Due::Eviction => self.socket().close(),
        }
    }

    /// Closes the connection; the close frame is the last that is sent.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        let mut frame = Vec::new();
        close_frame(&mut frame, code, reason);
        self.connection.close(&frame);
    }
}

/// Messages as WebSocket text frames, encoded once for all users who receive them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFrames;

impl Encode for TextFrames {
    fn encode(&self, message: &FeedMessage<'_>, into: &mut Vec<u8>) {
        text_frame(into, |into| {
            serde_json::to_writer(into, message)
                .expect("a message is JSON, and a Vec takes it all");
        });
    }
}
