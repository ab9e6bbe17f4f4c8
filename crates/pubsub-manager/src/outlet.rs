//! The seam above: how the manager reaches one user.

use std::{
    io,
    task::{Context, Poll},
};

/// A way to one user, made by the caller: a socket, a terminal, or a list that a test reads.
///
/// The manager calls [`offer`](Outlet::offer) from its relay loop with the user's lock held, one
/// call at a time for each user: whoever waits in it, makes everybody wait.
pub trait Outlet: Send + Sync + 'static {
    /// Takes as many of the bytes as there is room for, and never waits.
    ///
    /// `Ok(n)` says that the first `n` were taken, `Ok(0)` that there is no room now.
    ///
    /// # Errors
    /// Any error but [`io::ErrorKind::WouldBlock`], which counts as `Ok(0)`, says that the user is
    /// gone; nothing more is offered.
    fn offer(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Is ready when more can be taken. Only one task ever polls it, and only while the user is
    /// behind.
    ///
    /// # Errors
    /// Any error says that the user is gone.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The user [left](crate::Connection::leave), and its last words were taken: nothing more comes.
    /// An outlet that has no end to close does nothing.
    fn finish(&self) {}

    /// The manager gives this user up: it did not read by the deadline, its unread replies outgrew
    /// 32 KiB, or it is gone. The caller ends the connection; it may be called more than once.
    fn close(&self);
}
