//! A server under measurement: ours, or the bare loop.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::{Child, Program};
use crate::meter::Meter;
use crate::progress;
use crate::publisher::Transport;
use crate::redis_server::free_address;
use crate::stop::Stop;

/// A server that we started.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    started: Instant,
    pub(crate) address: SocketAddr,
    pub(crate) meter: Meter,
}

impl Server {
    fn new(child: Child, address: SocketAddr) -> anyhow::Result<Self> {
        let meter = Meter::of(child.pid())?;
        Ok(Self {
            child,
            started: Instant::now(),
            address,
            meter,
        })
    }

    /// Starts a bare loop on a free port; the transport leads to its standard input.
    pub(crate) fn bare_loop(core: Option<usize>) -> anyhow::Result<(Self, Transport)> {
        let (child, stdin, stdout) = Program::ourselves("bare-loop", core)?.start_with_pipes()?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the bare loop did not start")?;
        Ok((Self::new(child, address)?, Transport::BareLoop(stdin)))
    }

    /// Starts a stock-feed server that listens to this Redis, without waiting, so that many can start
    /// at the same time.
    pub(crate) fn stock_feed(
        program: &Path,
        address: SocketAddr,
        redis: &str,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let listen = address.to_string();
        let child = Program::new(program, core)?
            .with(|command| {
                command
                    .args(["--listen", &listen, "--redis", redis, "--no-market"])
                    // Its users end before it does, so there is none to wait for.
                    .args(["--drain", "0s"])
                    .env("RUST_LOG", "error")
            })
            .start()?;
        Self::new(child, address)
    }

    /// Waits until `/healthz` answers 200.
    pub(crate) fn wait_until_healthy(&mut self, stop: &Stop) -> anyhow::Result<()> {
        while !self.is_healthy()? {
            stop.check()?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether `/healthz` answers 200 by now. An error when the server has ended, or isn't healthy ten
    /// seconds after its start.
    pub(crate) fn is_healthy(&mut self) -> anyhow::Result<bool> {
        if healthz(self.address).is_ok_and(|answer| answer == *b"HTTP/1.1 200") {
            return Ok(true);
        }
        if let Some(status) = self.child.ended()? {
            bail!("stock-feed on {} ended: {status}", self.address);
        }
        anyhow::ensure!(
            self.started.elapsed() < Duration::from_secs(10),
            "stock-feed on {} is not healthy after ten seconds",
            self.address
        );
        Ok(false)
    }

    /// Its memory once it has stopped moving, in bytes.
    pub(crate) fn settled_memory(&self, stop: &Stop) -> anyhow::Result<u64> {
        let spinner = progress::spinner("the server's memory comes to rest");
        let mut before = self.meter.memory()?;
        for _ in 0..20 {
            stop.check()?;
            thread::sleep(Duration::from_millis(100));
            let now = self.meter.memory()?;
            let rests = now.abs_diff(before) < 64 * 1024;
            before = now;
            if rests {
                break;
            }
        }
        spinner.finish_and_clear();
        Ok(before)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill();
    }

    /// Gives up the process, to be ended together with others.
    pub(crate) fn into_child(self) -> Child {
        self.child
    }
}

fn healthz(address: SocketAddr) -> io::Result<[u8; 12]> {
    let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(
        socket,
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut status = [0; 12];
    socket.read_exact(&mut status)?;
    Ok(status)
}

/// Where `stock-feed` is: named, or beside this executable, where cargo puts both.
pub(crate) fn find_stock_feed(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        anyhow::ensure!(named.is_file(), "there is no program {}", named.display());
        return Ok(named);
    }
    let ourselves = env::current_exe().context("cannot find the running executable")?;
    let beside = ourselves.with_file_name("stock-feed");
    anyhow::ensure!(
        beside.is_file(),
        "there is no stock-feed beside this program: build it with `cargo build --release \
         -p stock-feed`, or name one with --server"
    );
    Ok(beside)
}

/// A free address for a server of a fleet: each has a loopback address of its own.
pub(crate) fn address_of(server: usize) -> anyhow::Result<SocketAddr> {
    let (net, host) = (server / 250 + 1, server % 250 + 1);
    free_address(Ipv4Addr::new(127, 0, net as u8, host as u8))
}
