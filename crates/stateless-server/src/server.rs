//! One server: it listens, answers, and ends without hanging up on anybody.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long a request under way may take once the server was told to end.
///
/// Longer than any request may take, so what it cuts off is only somebody who does not read.
const GRACE: Duration = Duration::from_secs(12);

/// What a server prints on its standard output before its address, once it listens.
pub const LISTENING: &str = "listening on ";

/// How many ports after the wished one are tried.
const NEXT_PORTS: u16 = 50;

/// Answers requests until `shutdown`, then those that are under way, and no new ones.
///
/// The caller owns the listener and the end, so that a test binds port 0 and never waits.
///
/// # Errors
/// None from a connection: those end alone. Only what the system says of the listener.
pub async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Without this, the system may hold a small answer back for 40 ms to send it with the next.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!("a connection keeps Nagle's delay: {error}");
        }
    });
    let (tell, mut told) = watch::channel(false);
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        tell.send_replace(true);
    });
    let out_of_patience = async move {
        if told.wait_for(|told| *told).await.is_err() {
            // The sender is gone only when serving has ended, and then nobody is waited for.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = out_of_patience => {
            tracing::warn!("hung up on somebody who did not read his answer for {GRACE:?}");
            Ok(())
        }
    }
}

/// Reads an address such as `127.0.0.1:8080` or `localhost:8080`.
///
/// # Errors
/// What is wrong with it, and how to write it.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let hint = "write it like 127.0.0.1:8080, or 127.0.0.1:0 for any free port";
    let mut found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; {hint}"))?;
    found
        .next()
        .ok_or_else(|| format!("no address has this name; {hint}"))
}

/// Binds `wished`, or the next free port after it; the caller says so where they differ.
///
/// # Errors
/// What the system says of `wished`, or of the last port that was tried.
pub async fn bind_next_free(wished: SocketAddr) -> io::Result<TcpListener> {
    let last = wished.port().saturating_add(NEXT_PORTS);
    for port in wished.port()..last {
        match TcpListener::bind(SocketAddr::new(wished.ip(), port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    TcpListener::bind(SocketAddr::new(wished.ip(), last)).await
}
