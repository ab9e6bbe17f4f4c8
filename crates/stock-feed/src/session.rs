//! One user, as everyone sees it: the manager, the heartbeat, the farewell, and its own task.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use pubsub_manager::{Connection, Encode, Message, Outlet, PubSubManager, UserId};
use tokio::net::TcpStream;

use crate::frame::{CloseCode, close_frame, ping_frame, text_frame};
use crate::socket::Socket;

/// One user of this server.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) socket: Socket,
    /// Gone once goodbye was said: after a close frame nothing may be sent, so the user must
    /// follow nothing either.
    pub(crate) connection: Mutex<Option<Connection<Line>>>,
    /// How many heartbeats in a row have heard nothing of this user.
    silent: AtomicU8,
}

/// The manager's way to a user. The user holds its connection, and the connection this: a ring,
/// which saying goodbye opens.
#[derive(Debug)]
pub(crate) struct Line(Arc<Session>);

impl Outlet for Line {
    fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.socket.offer(bytes)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.socket.poll_writable(cx)
    }

    fn close(&self) {
        self.0.socket.close();
    }
}

impl Session {
    /// Makes a user known to the manager, which tells it at once whether prices flow. There is
    /// none if the manager has ended.
    pub(crate) fn begin(
        manager: &PubSubManager,
        id: UserId,
        stream: TcpStream,
    ) -> Option<Arc<Self>> {
        let session = Arc::new(Self {
            socket: Socket::new(stream),
            connection: Mutex::new(None),
            silent: AtomicU8::new(0),
        });
        let connection = manager.connect(id, Line(Arc::clone(&session))).ok()?;
        *session.connection.lock() = Some(connection);
        Some(session)
    }

    /// The user gave a sign of life.
    pub(crate) fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    /// Looks after the user, twice in every `ping_every`: one that was silent all that time is
    /// asked for a sign of life, and one that does not answer is given up.
    pub(crate) fn beat(&self) {
        let connection = self.connection.lock();
        let Some(connection) = &*connection else {
            return;
        };
        match self.silent.fetch_add(1, Ordering::Relaxed) {
            0 => {}
            1 => {
                let mut ping = Vec::new();
                ping_frame(&mut ping);
                connection.send(&ping);
            }
            // A cable was pulled, a phone went into a tunnel: TCP would notice in a quarter of
            // an hour, and until then the seat is taken.
            _ => self.socket.close(),
        }
    }

    /// Says goodbye: the close frame is the last thing the user is sent, and then the end.
    pub(crate) fn goodbye(&self, code: CloseCode, reason: &str) {
        let connection = self.connection.lock().take();
        if let Some(connection) = connection {
            let mut bye = Vec::new();
            close_frame(&mut bye, code, reason);
            connection.send(&bye);
            drop(connection);
            self.socket.finish();
        }
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
