//! A user's socket: the manager writes to it where the price is relayed, the user's task reads.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use pubsub_manager::Socket;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::pulse::Pulse;

/// Where a short read proves that nothing is left, as it does with epoll and kqueue.
const SHORT_READ_IS_ALL: bool = cfg!(any(target_os = "linux", target_vendor = "apple"));

/// A TCP socket that two sides share: the kernel lets one write while the other reads.
#[derive(Debug)]
pub(crate) struct UserSocket {
    stream: TcpStream,
    /// The kernel took less than it was offered, so something waits for the user to read.
    full: AtomicBool,
    /// Beside the socket, because each price passes here: what the heartbeat has to know of it is
    /// then a store to memory that is at hand.
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

    /// Is ready when the kernel may take more. The manager waits for the same, in `poll_ready`:
    /// each of the two has its own place to be woken from.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Whether the user has not read all that it was sent.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Reads what is there; 0 bytes are the end.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let mut read = None;
            let asked = self.stream.try_io(Interest::READABLE, || {
                let some = (&*SockRef::from(&self.stream)).read(room)?;
                read = Some(some);
                // Telling tokio now that there is no more saves the system call that would find
                // it out: one for each message of each user.
                if SHORT_READ_IS_ALL && (1..room.len()).contains(&some) {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (read, asked) {
                (Some(read), _) => return Poll::Ready(Ok(read)),
                (None, Err(error)) if error.kind() != ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
            }
        }
    }

    /// Offers once more what the kernel did not take, now through the runtime. That keeps a record of
    /// each socket elsewhere in memory, which is left alone while all goes well; but it must know
    /// that the kernel is full, or it would call the socket writable when it is not.
    fn offer_rest(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            taken => taken,
        }
    }

    fn end(&self, how: Shutdown) {
        // An error says that the user was quicker.
        let _ = SockRef::from(&self.stream).shutdown(how);
    }
}

impl Socket for UserSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        // The fan-out loop stands right here: one system call, no task woken, nothing queued.
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

    /// Ends it both ways, so that the user's own task reads an end, and goes.
    fn close(&self) {
        self.full.store(false, Ordering::Relaxed);
        self.end(Shutdown::Both);
    }
}
