//! How the hub reaches one user.

use std::{
    io,
    task::{Context, Poll},
};

/// The way to one user, made by the caller: a network socket, a terminal, or a list that a test
/// reads.
///
/// The hub calls [`try_write`](Socket::try_write) from its fan-out with the user's lock held, one
/// call at a time for each user: a call that waits delays all users.
pub trait Socket: Send + Sync + 'static {
    /// Takes as many of the bytes as there is room for, and never waits.
    ///
    /// `Ok(n)` means that the first `n` bytes were taken, `Ok(0)` that there is no room now.
    ///
    /// # Errors
    /// After any error the user is gone and nothing more is written, except for
    /// [`io::ErrorKind::WouldBlock`], which counts as `Ok(0)`.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Is ready when more can be taken. Only one task ever polls it, and only while the user lags.
    ///
    /// # Errors
    /// After any error the user is gone.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The connection was [closed](crate::Connection::close), and its final frame was taken: nothing
    /// more is written. By default it does nothing.
    fn shutdown(&self) {}

    /// The hub evicts this user: it did not read by the deadline, its pending replies outgrew
    /// 32 KiB, or it is gone. The caller ends the connection; it may be called more than once.
    fn close(&self);
}

/// A function is a socket that takes everything.
impl<F: Fn(&[u8]) + Send + Sync + 'static> Socket for F {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self(bytes);
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}
