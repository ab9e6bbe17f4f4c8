//! Accepting connections, also when there are no free descriptors.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How long to wait before the next attempt when descriptors have run out. The connection is still there,
/// so accepting again immediately would keep a core busy and fail again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Accepts connections, and tries again after a failure.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    /// The last attempt failed, and that was logged: the next one that fails is not.
    is_failing: bool,
}

impl Acceptor {
    /// An acceptor, which closes the listener when it is dropped.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            is_failing: false,
        }
    }

    /// Waits for the next connection.
    pub async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::warn!("accepting again");
                    }
                    return accepted;
                }
                // The client has gone while it waited; nothing is wrong here.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(
                            "cannot accept a new connection until others end: {error}; a higher \
                             limit, such as `ulimit -n 4096`, lets more be open at the same time"
                        );
                    }
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}
