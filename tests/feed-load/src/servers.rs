//! All servers of a fleet.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::child::{Child, end_all};
use crate::crew::Stop;
use crate::progress;
use crate::redis_server::RedisServer;
use crate::server::{Server, address_of};

/// Bytes of a MiB.
pub const MIB: f64 = 1024.0 * 1024.0;

/// Servers behind one Redis, ended together when this is dropped.
#[derive(Debug)]
pub struct Servers {
    all: Vec<Server>,
    program: PathBuf,
    redis: String,
}

impl Servers {
    /// Starts so many, and waits until all are healthy.
    ///
    /// # Errors
    /// When one ends, or isn't healthy within ten seconds, or Ctrl-C asks to end.
    pub fn start(
        count: usize,
        program: &Path,
        redis: &RedisServer,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let bar = progress::bar("servers start", count as u64);
        let mut servers = Self {
            all: Vec::new(),
            program: program.to_owned(),
            redis: redis.url().to_owned(),
        };
        for number in 0..count {
            let address = address_of(number)?;
            let server = Server::begin(program, address, &servers.redis, None)?;
            servers.all.push(server);
        }
        for server in &mut servers.all {
            server.wait_until_healthy(stop)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(servers)
    }

    /// Where they listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().map(|server| server.address).collect()
    }

    /// The memory of all, in MiB.
    ///
    /// # Errors
    /// When one has ended.
    pub fn mib(&self) -> anyhow::Result<f64> {
        let bytes: anyhow::Result<u64> = self.all.iter().map(|server| server.meter.memory()).sum();
        Ok(bytes? as f64 / MIB)
    }

    /// Ends one as a crash would.
    pub fn kill(&mut self, number: usize) {
        self.all[number].kill();
    }

    /// Starts it again where it was, without waiting.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn begin_again(&mut self, number: usize) -> anyhow::Result<()> {
        let address = self.all[number].address;
        self.all[number] = Server::begin(&self.program, address, &self.redis, None)?;
        Ok(())
    }

    /// Whether it is healthy by now.
    ///
    /// # Errors
    /// When it has ended, or isn't healthy ten seconds after its start.
    pub fn is_healthy(&mut self, number: usize) -> anyhow::Result<bool> {
        self.all[number].is_healthy()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let mut children: Vec<Child> = self.all.drain(..).map(Server::into_child).collect();
        end_all(&mut children);
    }
}
