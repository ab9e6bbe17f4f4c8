//! What the twins share: a hub, and a user's socket.

use std::io;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use hub::{Hub, HubOptions, Socket};
use tokio::runtime::Runtime;

/// The tasks of slow consumers run here.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A hub without users.
pub fn hub() -> Arc<Hub> {
    Hub::new(HubOptions::default(), RUNTIME.handle().clone())
}

/// The socket of a user who takes whatever comes, and says nothing.
pub struct Quiet;

impl Socket for Quiet {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}
