//! What the twins share: the manager, started by whichever comes first, and a user's socket.

use std::io;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use pubsub_manager::{Options, PubSubManager, Socket};
use tokio::runtime::Runtime;

/// The manager lives as long as the process, and so does the runtime of its task.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// The process's manager, started here unless it was started elsewhere.
pub fn started() -> &'static PubSubManager {
    let _inside = RUNTIME.enter();
    let started = PubSubManager::start(Options::default());
    started
        .or_else(|_| PubSubManager::instance())
        .expect("the manager is started, here or elsewhere")
}

/// The way to a user who takes whatever comes, and says nothing.
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
