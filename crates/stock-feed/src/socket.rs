//! The way to one user: a TCP socket, written to where the price is relayed.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use pubsub_manager::{Encode, Message, Outlet};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::frame::text_frame;

/// The half of a user's socket that the manager writes to. When it is dropped the user is told
/// that nothing more will come.
#[derive(Debug)]
pub(crate) struct Socket {
    half: OwnedWriteHalf,
    /// The kernel took less than it was offered, so something waits for the user to read.
    full: AtomicBool,
}

impl Socket {
    pub(crate) fn new(half: OwnedWriteHalf) -> Self {
        Self {
            half,
            full: AtomicBool::new(false),
        }
    }

    /// Whether the user has not read all that it was sent.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn stream(&self) -> &TcpStream {
        self.half.as_ref()
    }
}

impl Outlet for Socket {
    fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        // The relay loop stands right here: one system call, no task woken, nothing queued. The
        // runtime keeps a record of each socket elsewhere in memory; it is looked at only where the
        // kernel has no room, so that it knows of that as well.
        let taken = match SockRef::from(self.stream()).send(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.half.try_write(bytes),
            taken => taken,
        };
        let full = taken.as_ref().map_or(true, |taken| *taken < bytes.len());
        self.full.store(full, Ordering::Relaxed);
        taken
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_write_ready(cx)
    }

    fn close(&self) {
        self.full.store(false, Ordering::Relaxed);
        // Both ways, so that the user's own task reads an end and goes, too. An error says
        // that the user was quicker.
        let _ = SockRef::from(self.stream()).shutdown(Shutdown::Both);
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
