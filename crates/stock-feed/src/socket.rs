//! A user's socket: the hub's fan-out writes to it, and the user's task reads from it.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use pubsub_manager::Socket;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::pulse::Pulse;

/// Whether a read that does not fill its buffer proves that nothing is left: with epoll and kqueue it
/// does (epoll(7), question 9).
const SHORT_READ_IS_ALL: bool = cfg!(any(target_os = "linux", target_vendor = "apple"));

/// A TCP socket that two tasks share without a lock: the kernel allows one to write while the other reads.
#[derive(Debug)]
pub(crate) struct UserSocket {
    stream: TcpStream,
    /// The kernel took less than it was offered, so something waits until the user reads. The hub's fan-out
    /// writes it, at each price; the user's task reads it, to stop reading requests. No lock: a value that
    /// is one write late costs one more answer in the hub's buffer.
    full: AtomicBool,
    /// Beside the socket, because every price is written here: marking that something was written is then a
    /// store to a cache line that is loaded already.
    pub(crate) pulse: Pulse,
}

impl UserSocket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            full: AtomicBool::new(false),
            pulse: Pulse::default(),
        }
    }

    /// Is ready when the kernel may take more. The hub waits for the same, in `poll_ready`. Tokio keeps one
    /// waker for a `poll_` function, so if both called that one, the second would take the first one's place
    /// and the first would never wake; an async function has a waker for each caller.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Whether something waits until the user reads.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Reads what is there; 0 bytes say that the user has ended its side.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut read = None;
            let outcome = self.stream.try_io(Interest::READABLE, || {
                let some = (&*SockRef::from(&self.stream)).read(room)?;
                read = Some(some);
                // This makes tokio clear the socket's readiness. Otherwise the next poll would need a
                // system call to learn that there is nothing: one for each message of each user.
                if SHORT_READ_IS_ALL && (1..room.len()).contains(&some) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (read, outcome) {
                (Some(read), _) => return Poll::Ready(Ok(read)),
                (None, Err(error)) if error.kind() != ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                // Readiness was out of date: `try_io` has cleared it, so the next round waits.
                (None, _) => {}
            }
        }
    }

    /// Offers once more what the kernel did not take, now through the runtime. Tokio's own record of a socket
    /// is elsewhere in memory, so `send` bypasses it while all goes well; but if the kernel's buffer is full
    /// and tokio does not learn it, `poll_ready` is ready at once, and the hub loops without a pause.
    fn offer_rest(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            taken => taken,
        }
    }

    fn end(&self, how: Shutdown) {
        // An error says that the user has ended the connection first.
        let _ = SockRef::from(&self.stream).shutdown(how);
    }
}

impl Socket for UserSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // The inside of the fan-out's loop: one system call, no task woken, nothing queued.
        let taken = match SockRef::from(&self.stream).send(bytes) {
            Ok(taken) if taken == bytes.len() => taken,
            Ok(taken) => taken + self.offer_rest(&bytes[taken..])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.offer_rest(bytes)?,
            Err(error) => return Err(error),
        };
        self.full.store(taken < bytes.len(), Ordering::Relaxed);
        if taken > 0 {
            self.pulse.written();
        }
        Ok(taken)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    fn shutdown(&self) {
        self.end(Shutdown::Write);
    }

    /// Ends it both ways, so that the user's own task reads 0 bytes and ends.
    fn close(&self) {
        // The user's task may wait for the socket to have room, and nothing will be written any more that
        // could say so.
        self.full.store(false, Ordering::Relaxed);
        self.end(Shutdown::Both);
    }
}
