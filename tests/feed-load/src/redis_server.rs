//! A Redis of our own, for as long as a measurement lasts.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::{Child, Program};
use crate::crew::Stop;

/// A running redis-server that keeps nothing on disk.
#[derive(Debug)]
pub struct RedisServer {
    _child: Child,
    url: String,
}

impl RedisServer {
    /// Starts one on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed, or doesn't answer within ten seconds, or Ctrl-C asks to end.
    pub fn start(core: Option<usize>, stop: &Stop) -> anyhow::Result<Self> {
        if find("redis-server").is_none() {
            bail!(
                "redis-server is not installed, and servers need one to share their prices: \
                 apt install redis-server (Debian, Ubuntu), dnf install redis (Fedora)"
            );
        }
        let port = free_address(Ipv4Addr::LOCALHOST)?.port();
        let mut child = Program::new(Path::new("redis-server"), core)?
            .with(|command| {
                command
                    .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                    .args(["--save", "", "--appendonly", "no"])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null());
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
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { _child: child, url })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// An address that nobody listens on now.
///
/// # Errors
/// When the machine has no such address, or no port left.
pub fn free_address(host: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind((host, 0)).with_context(|| format!("no free port on {host}"))?;
    Ok(listener.local_addr()?)
}

fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
