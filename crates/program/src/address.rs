//! An address to listen on, as a user types it.

use std::net::{SocketAddr, ToSocketAddrs};

/// Reads an address such as `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. Port 0 is any free port.
///
/// It is a value parser for clap, which prints the error after the flag and the value.
///
/// # Errors
/// What is wrong with the address, and how to write it.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let hint = "write it like 127.0.0.1:8080, or 127.0.0.1:0 for any free port";
    if text.starts_with(':') {
        return Err(format!(
            "it does not say on which of this machine's addresses; {hint}"
        ));
    }
    let mut found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; {hint}"))?;
    found
        .next()
        .ok_or_else(|| format!("no address has this name; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_number_or_a_name_with_a_port() {
        assert_eq!(address("127.0.0.1:0").unwrap().port(), 0);
        assert!(address("[::1]:8080").unwrap().is_ipv6());
        let local = address("localhost:8080").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 8080);
    }

    #[test]
    fn an_invalid_address_is_refused_with_an_example() {
        for invalid in [":8080", "8080", "127.0.0.1", "127.0.0.1:66000", ""] {
            let refusal = address(invalid).unwrap_err();
            assert!(
                refusal.contains("write it like 127.0.0.1:8080"),
                "{refusal}"
            );
        }
    }
}
