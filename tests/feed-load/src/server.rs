//! A server under measurement: ours, or the bare loop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::child::{Child, Program};
use crate::crew::Stop;
use crate::market::Road;
use crate::meter::Meter;
use crate::progress;
use crate::redis_server::free_address;

/// A server that we started.
#[derive(Debug)]
pub struct Server {
    child: Child,
    started: Instant,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it costs.
    pub meter: Meter,
}

impl Server {
    /// Starts a bare loop on a free port; the road leads to its standard input.
    ///
    /// # Errors
    /// When it doesn't say where it listens.
    pub fn bare_loop(core: Option<usize>) -> anyhow::Result<(Self, Road)> {
        let (child, stdin, stdout) = Program::ourselves("bare-loop", core)?.start_talking()?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the bare loop did not start")?;
        let meter = Meter::of(child.pid())?;
        Ok((
            Self {
                child,
                started: Instant::now(),
                address,
                meter,
            },
            Road::BareLoop(stdin),
        ))
    }

    /// Starts a stock-feed server that listens to this Redis, and waits until it is healthy.
    ///
    /// # Errors
    /// When it ends, or isn't healthy within ten seconds, or Ctrl-C asks to end.
    pub fn stock_feed(
        program: &Path,
        address: SocketAddr,
        redis: &str,
        core: Option<usize>,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let mut server = Self::begin(program, address, redis, core)?;
        server.wait_until_healthy(stop)?;
        Ok(server)
    }

    /// The same without waiting, so that many can start at the same time.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn begin(
        program: &Path,
        address: SocketAddr,
        redis: &str,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let child = Program::new(program, core)?
            .with(|command| {
                command
                    .args([
                        "--listen",
                        &address.to_string(),
                        "--redis",
                        redis,
                        "--no-market",
                    ])
                    // Its users end before it does; there is nobody to say goodbye to.
                    .args(["--drain", "0s"])
                    .env("RUST_LOG", "error")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null());
            })
            .start()?;
        let meter = Meter::of(child.pid())?;
        Ok(Self {
            child,
            started: Instant::now(),
            address,
            meter,
        })
    }

    /// Waits until `/healthz` answers 200.
    ///
    /// # Errors
    /// When the server ends, or isn't healthy within ten seconds, or Ctrl-C asks to end.
    pub fn wait_until_healthy(&mut self, stop: &Stop) -> anyhow::Result<()> {
        while !self.is_healthy()? {
            stop.check()?;
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether `/healthz` answers 200 by now.
    ///
    /// # Errors
    /// When the server has ended, or isn't healthy ten seconds after its start.
    pub fn is_healthy(&mut self) -> anyhow::Result<bool> {
        if healthy(self.address) {
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
    ///
    /// # Errors
    /// When the server has ended, or Ctrl-C asks to end.
    pub fn settled_memory(&self, stop: &Stop) -> anyhow::Result<u64> {
        let spinner = progress::spinner("the server's memory comes to rest");
        let mut before = self.meter.memory()?;
        for _ in 0..20 {
            stop.check()?;
            std::thread::sleep(Duration::from_millis(100));
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
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Gives up the process, to be ended together with others.
    pub fn into_child(self) -> Child {
        self.child
    }
}

fn healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(
            socket,
            "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = vec![0; 12];
        socket.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer == b"HTTP/1.1 200")
}

/// Where `stock-feed` is: named, or beside this executable, where cargo puts both.
///
/// # Errors
/// When it is in neither place.
pub fn find_stock_feed(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        anyhow::ensure!(named.is_file(), "there is no program {}", named.display());
        return Ok(named);
    }
    let beside = std::env::current_exe()
        .context("cannot find the running executable")?
        .with_file_name("stock-feed");
    anyhow::ensure!(
        beside.is_file(),
        "there is no stock-feed beside this program: build it with `cargo build --release \
         -p stock-feed`, or name one with --server"
    );
    Ok(beside)
}

/// A free address for a server of a fleet: each has a loopback address of its own.
///
/// # Errors
/// When the machine has no port left.
pub fn address_of(server: usize) -> anyhow::Result<SocketAddr> {
    free_address(Ipv4Addr::new(
        127,
        0,
        (server / 250 + 1) as u8,
        (server % 250 + 1) as u8,
    ))
}
