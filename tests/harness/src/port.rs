//! A port for a program that cannot choose one itself.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 that nothing listened on a moment ago.
///
/// Another test may take it before the program does, so a caller tries again with another one. A
/// program that takes `--listen 127.0.0.1:0` and prints its port needs none of this.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port can be had");
    let address = listener.local_addr();
    address.expect("a bound listener has an address").port()
}
