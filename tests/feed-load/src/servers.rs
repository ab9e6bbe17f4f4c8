//! All servers of a fleet.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::child::{Child, end_all};
use crate::progress;
use crate::server::{Server, address_of};
use crate::stop::Stop;

/// Servers behind one Redis or a cluster, ended together when this is dropped.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<Server>,
    program: PathBuf,
    redis: String,
}

impl Servers {
    /// Starts so many, and waits until all are healthy.
    pub(crate) fn start(
        count: usize,
        program: &Path,
        redis: String,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let bar = progress::bar("servers start", count as u64);
        let mut servers = Self {
            all: Vec::new(),
            program: program.to_owned(),
            redis,
        };
        for number in 0..count {
            let address = address_of(number)?;
            let server = Server::stock_feed(program, address, &servers.redis, None)?;
            servers.all.push(server);
        }
        for server in &mut servers.all {
            server.wait_until_healthy(stop)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(servers)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().map(|server| server.address).collect()
    }

    /// The memory of all, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        self.all.iter().map(|server| server.meter.memory()).sum()
    }

    /// CPU time of all since they started, in which a server that was restarted counts from then on.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        self.all.iter().map(|server| server.meter.cpu()).sum()
    }

    /// Ends one as a crash would.
    pub(crate) fn kill(&mut self, number: usize) {
        self.all[number].kill();
    }

    /// Starts it again where it was, without waiting.
    pub(crate) fn restart(&mut self, number: usize) -> anyhow::Result<()> {
        let address = self.all[number].address;
        self.all[number] = Server::stock_feed(&self.program, address, &self.redis, None)?;
        Ok(())
    }

    pub(crate) fn is_healthy(&mut self, number: usize) -> anyhow::Result<bool> {
        self.all[number].is_healthy()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let mut children: Vec<Child> = self.all.drain(..).map(Server::into_child).collect();
        end_all(&mut children);
    }
}
