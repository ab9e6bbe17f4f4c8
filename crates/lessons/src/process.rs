//! Where this program listens, and how it is asked to end.
//!
//! `stateless-server` has much the same, and a database with it: a reader of the book would wait for twice
//! as many crates. There a second Ctrl-C ends the process; here each demonstration of a walk has its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// How many ports after the first are tried.
const NEXT_PORTS: u16 = 100;

/// Binds this port of this machine, or the next one that is free.
///
/// # Errors
/// What the system says of the first port, or of the last one that was tried.
pub async fn bind_next_free(port: u16) -> io::Result<TcpListener> {
    let last = port.saturating_add(NEXT_PORTS);
    for port in port..last {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, last))).await
}

/// Done at Ctrl-C, at SIGTERM, and at SIGHUP, when the terminal is gone: the book's folder is deleted then.
/// From this call on, none of them ends the process the hard way.
///
/// # Errors
/// What the system says when it takes no handlers for signals.
#[cfg(unix)]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// Done at Ctrl-C; Windows knows no SIGTERM.
///
/// # Errors
/// What the system says when it takes no handlers for signals.
#[cfg(windows)]
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
