//! A free port of this machine.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// How many ports after the wished one are tried.
const NEXT_PORTS: u16 = 50;

/// Binds `wished`, or the next free port after it; the caller prints which one it is.
///
/// # Errors
/// The system's reason for `wished`, unless that port is in use; otherwise for the last port that was
/// tried.
pub async fn bind_next_free(wished: SocketAddr) -> io::Result<TcpListener> {
    let last = wished.port().saturating_add(NEXT_PORTS);
    for port in wished.port()..last {
        match TcpListener::bind(SocketAddr::new(wished.ip(), port)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            other => return other,
        }
    }
    TcpListener::bind(SocketAddr::new(wished.ip(), last)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_passed_over() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wished = taken.local_addr().unwrap();
        let next = bind_next_free(wished).await.unwrap();
        assert!(next.local_addr().unwrap().port() > wished.port());
    }
}
