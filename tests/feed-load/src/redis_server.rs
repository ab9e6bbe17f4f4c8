//! A Redis of our own, for as long as a measurement lasts.
//!
//! The workspace's tests have a harness for a Redis, which panics and which nothing ends if the test
//! is killed. This one runs under `feed-load guard`, on the core that is not the server's.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::{Child, Program};
use crate::stop::Stop;

/// A running redis-server that keeps nothing on disk.
#[derive(Debug)]
pub(crate) struct RedisServer {
    _child: Child,
    pub(crate) url: String,
}

impl RedisServer {
    /// Starts one on a free port, and waits until it answers.
    pub(crate) fn start(core: Option<usize>, stop: &Stop) -> anyhow::Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        anyhow::ensure!(
            env::split_paths(&path).any(|folder| folder.join("redis-server").is_file()),
            "redis-server is not installed, and servers need one to share their prices: \
             apt install redis-server (Debian, Ubuntu), dnf install redis (Fedora)"
        );
        let port = free_address(Ipv4Addr::LOCALHOST)?.port().to_string();
        let mut child = Program::new(Path::new("redis-server"), core)?
            .with(|command| {
                command
                    .args(["--port", &port, "--bind", "127.0.0.1"])
                    .args(["--save", "", "--appendonly", "no"])
            })
            .start()?;
        let url = format!("redis://127.0.0.1:{port}/");
        let client = redis::Client::open(url.as_str()).context("our own URL")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while client.get_connection().is_err() {
            stop.check()?;
            if let Some(status) = child.ended()? {
                bail!("redis-server ended ({status}) before it answered");
            }
            anyhow::ensure!(Instant::now() < deadline, "redis-server does not answer");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { _child: child, url })
    }
}

/// An address that no process listens on now.
pub(crate) fn free_address(host: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0));
    Ok(listener
        .with_context(|| format!("no free port on {host}"))?
        .local_addr()?)
}
