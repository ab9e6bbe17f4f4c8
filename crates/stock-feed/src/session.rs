//! What the house knows of one user, apart from what the user's own task knows.

use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;
use pubsub_manager::{Connection, Outlet};

use crate::frame::{CloseCode, close_frame, ping_frame};
use crate::socket::Socket;

/// One user, as the heartbeat and the farewell see it.
#[derive(Debug)]
pub(crate) struct Session {
    /// Gone once goodbye was said: after a close frame nothing may be sent, so the user must
    /// follow nothing either.
    pub(crate) connection: Mutex<Option<Connection<Socket>>>,
    /// How many heartbeats in a row have heard nothing of this user.
    silent: AtomicU8,
}

impl Session {
    pub(crate) fn new(connection: Connection<Socket>) -> Self {
        Self {
            connection: Mutex::new(Some(connection)),
            silent: AtomicU8::new(0),
        }
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
            _ => connection.outlet().close(),
        }
    }

    /// Says goodbye: the close frame is the last thing the user is sent, and then the end.
    pub(crate) fn goodbye(&self, code: CloseCode, reason: &str) {
        if let Some(connection) = self.connection.lock().take() {
            let mut bye = Vec::new();
            close_frame(&mut bye, code, reason);
            connection.send(&bye);
        }
    }
}
