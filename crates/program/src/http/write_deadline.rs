//! A connection that fails when its client does not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// How long a client may read nothing while its answer waits. The answer is in our memory: a hundred
/// clients that ask for a thousand games each and read none of them held 102 MiB until the server ended
/// (`cargo run --release -p stateless-server --example slow_readers`).
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many clients of one server are given that long. An answer is at most about a megabyte, so what
/// waits for them is at most about this many megabytes.
const MAX_STALLED: usize = 64;

/// How long a client more may read nothing: enough for one that is only slower than we write.
const CROWDED_WRITE_TIMEOUT: Duration = Duration::from_millis(100);

/// The clients of one server that have stopped reading, counted.
#[derive(Clone, Debug)]
pub(crate) struct StalledClients(Arc<Semaphore>);

impl StalledClients {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_STALLED)))
    }
}

/// A connection on which a write fails if the client takes nothing for [`WRITE_TIMEOUT`], or for
/// [`CROWDED_WRITE_TIMEOUT`] while [`MAX_STALLED`] others do not read either.
///
/// A client that reads slowly is not cut off: the time starts again with everything it takes, and the
/// kernel takes no more before a third of its buffer is free.
#[derive(Debug)]
pub(crate) struct WriteDeadline<I> {
    io: I,
    clients: StalledClients,
    stalled: Option<Stalled>,
}

/// Lives while the kernel's buffer is full.
#[derive(Debug)]
struct Stalled {
    /// Boxed, because almost no connection needs it.
    deadline: Pin<Box<Sleep>>,
    /// One of the [`MAX_STALLED`], given back when the client reads or the connection ends.
    _counted: Option<OwnedSemaphorePermit>,
}

impl Stalled {
    fn begin(clients: &StalledClients) -> Self {
        let counted = Arc::clone(&clients.0).try_acquire_owned().ok();
        let timeout = match counted {
            Some(_) => WRITE_TIMEOUT,
            None => CROWDED_WRITE_TIMEOUT,
        };
        Self {
            deadline: Box::pin(sleep(timeout)),
            _counted: counted,
        }
    }
}

impl<I> WriteDeadline<I> {
    pub(crate) fn new(io: I, clients: StalledClients) -> Self {
        Self {
            io,
            clients,
            stalled: None,
        }
    }

    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let clients = &self.clients;
        let stalled = self.stalled.get_or_insert_with(|| Stalled::begin(clients));
        stalled.deadline.as_mut().poll(cx).map(|()| {
            let reason = "the client does not read its answer";
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        })
    }
}

impl<I: Read + Unpin> Read for WriteDeadline<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: Write + Unpin> Write for WriteDeadline<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.in_time(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.in_time(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
