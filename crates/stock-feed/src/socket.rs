//! A user's socket: the manager writes to it where the price is relayed, the user's task reads.

use std::io::{self, Read};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Where a short read proves that nothing is left, as it does with epoll and kqueue.
const SHORT_READ_IS_ALL: bool = cfg!(any(target_os = "linux", target_vendor = "apple"));

/// A TCP socket that two sides share without a lock, as the kernel allows.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// The kernel took less than it was offered, so something waits for the user to read.
    full: AtomicBool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            full: AtomicBool::new(false),
        }
    }

    /// Writes what the kernel takes now.
    pub(crate) fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        // The relay loop stands right here: one system call, no task woken, nothing queued. The
        // runtime keeps a record of each socket elsewhere in memory; it is looked at only where the
        // kernel has no room, so that it knows of that as well.
        let taken = match SockRef::from(&self.stream).send(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.try_write(bytes),
            taken => taken,
        };
        let full = taken.as_ref().map_or(true, |taken| *taken < bytes.len());
        self.full.store(full, Ordering::Relaxed);
        taken
    }

    /// Is ready when the kernel may take more.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    /// The same for a second who waits: each of the two has its own place to be woken from.
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
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (read, asked) {
                (Some(read), _) => return Poll::Ready(Ok(read)),
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
            }
        }
    }

    /// Nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.shutdown(Shutdown::Write);
    }

    /// Ends it both ways, so that the user's own task reads an end, and goes.
    pub(crate) fn close(&self) {
        self.full.store(false, Ordering::Relaxed);
        self.shutdown(Shutdown::Both);
    }

    fn shutdown(&self, how: Shutdown) {
        // An error says that the user was quicker.
        let _ = SockRef::from(&self.stream).shutdown(how);
    }
}
