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
use redis::{Client, Connection};

use crate::child::{Child, Program};
use crate::meter::Meter;
use crate::stop::Stop;

/// How long a Redis may take to answer, and the nodes of a cluster to agree.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running redis-server that stores no prices on disk.
#[derive(Debug)]
pub(crate) struct RedisServer {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) meter: Meter,
}

impl RedisServer {
    /// Starts one on a free port, and waits until it answers.
    pub(crate) fn start(core: Option<usize>, stop: &Stop) -> anyhow::Result<Self> {
        let mut server = Self::spawn(free_address(Ipv4Addr::LOCALHOST)?, core, &[])?;
        server.wait_until_it_answers(stop)?;
        Ok(server)
    }

    /// Starts one with more flags, without waiting, so that many can start at the same time.
    pub(crate) fn spawn(
        address: SocketAddr,
        core: Option<usize>,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        anyhow::ensure!(
            env::split_paths(&path).any(|folder| folder.join("redis-server").is_file()),
            "redis-server is not installed, and servers need one to share their prices: \
             apt install redis-server (Debian, Ubuntu), dnf install redis (Fedora)"
        );
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let child = Program::new(Path::new("redis-server"), core)?
            .with(|command| {
                command
                    .args(["--port", &port, "--bind", &host])
                    .args(["--save", "", "--appendonly", "no"])
                    .args(flags)
            })
            .start()?;
        let meter = Meter::of(child.pid())?;
        Ok(Self {
            child,
            address,
            meter,
        })
    }

    /// `redis://127.0.0.1:PORT/`.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        let url = self.url();
        let client = Client::open(url.as_str()).context("our own URL")?;
        client
            .get_connection()
            .with_context(|| format!("no Redis answers at {url}"))
    }

    pub(crate) fn wait_until_it_answers(&mut self, stop: &Stop) -> anyhow::Result<()> {
        wait_until("redis-server does not answer", stop, || {
            if let Some(status) = self.child.ended()? {
                bail!("redis-server ended ({status}) before it answered");
            }
            Ok(self.connect().is_ok())
        })
    }

    /// Gives up the process, to be ended together with others.
    pub(crate) fn into_child(self) -> Child {
        self.child
    }
}

/// Polls until `done` says so; after half a minute it fails with these words.
pub(crate) fn wait_until(
    or_else: &'static str,
    stop: &Stop,
    mut done: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !done()? {
        stop.check()?;
        anyhow::ensure!(Instant::now() < deadline, or_else);
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// An address that no process listens on now.
pub(crate) fn free_address(host: Ipv4Addr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0));
    Ok(listener
        .with_context(|| format!("no free port on {host}"))?
        .local_addr()?)
}
