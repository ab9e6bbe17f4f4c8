//! Servers and a Redis as processes of their own, ended with the test, also when it fails.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use harness::{Process, RedisServer, until};

use super::client::get;

/// The program under test.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stock-feed"));
    command
        .env_remove("REDIS_URL")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// A server as a process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port, with these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_as(program().args(["--listen", "127.0.0.1:0"]).args(flags))
    }

    /// Starts a server on a free port that is linked to this Redis.
    pub(crate) fn behind(redis: &RedisServer, flags: &[&str]) -> Self {
        let server = Self::start(&[&["--redis", &redis.url()], flags].concat());
        until("the server is linked to Redis", || {
            get(server.address, "/healthz").body == "live\n"
        });
        server
    }

    /// Starts a server where another one was.
    pub(crate) fn start_on(address: SocketAddr, flags: &[&str]) -> Self {
        Self::start_as(
            program()
                .args(["--listen", &address.to_string()])
                .args(flags),
        )
    }

    pub(crate) fn start_as(command: &mut Command) -> Self {
        let process = Process::start(command);
        let url = process.url();
        let address = url.strip_prefix("http://").expect("it begins with it");
        Self {
            address: address.parse().unwrap(),
            process,
        }
    }
}
