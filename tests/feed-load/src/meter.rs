//! What a process costs, as /proc tells it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use procfs::process::{FDTarget, MMapExtension, Process};

/// Reads the cost of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    pid: i32,
}

impl Meter {
    /// A meter for this process.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let pid = i32::try_from(pid).with_context(|| format!("{pid} is no process id"))?;
        Ok(Self { pid })
    }

    /// A meter for the process that listens on this local port.
    pub fn of_listener(address: SocketAddr) -> anyhow::Result<Self> {
        let sockets = procfs::net::tcp()?.into_iter().chain(procfs::net::tcp6()?);
        let listening: Vec<u64> = sockets
            .filter(|socket| socket.state == procfs::net::TcpState::Listen)
            .filter(|socket| socket.local_address.port() == address.port())
            .filter(|socket| {
                let ip = socket.local_address.ip();
                ip.is_unspecified() || ip.to_canonical() == address.ip().to_canonical()
            })
            .map(|socket| socket.inode)
            .collect();
        let holds = |process: &Process| {
            process.fd().is_ok_and(|mut fds| {
                fds.any(|fd| matches!(fd, Ok(fd) if matches!(fd.target, FDTarget::Socket(inode) if listening.contains(&inode))))
            })
        };
        procfs::process::all_processes()?
            .filter_map(Result::ok)
            .find(holds)
            .map(|process| Self { pid: process.pid })
            .with_context(|| {
                format!("no process of ours listens on {address}: name it with --server-pid")
            })
    }

    /// CPU time since the process started, all its threads together, user and system.
    ///
    /// The kernel's own clock of the process, in nanoseconds: the fields of /proc/PID/stat count
    /// in hundredths of a second, which is a hundred users' handshakes.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let clock = clock_getcpuclockid(Pid::from_raw(self.pid));
        let time = clock.and_then(clock_gettime);
        Ok(time
            .with_context(|| format!("process {} is gone", self.pid))?
            .into())
    }

    /// Its proportional set size in bytes: memory of its own, and its share of what it shares.
    pub fn memory(&self) -> anyhow::Result<u64> {
        self.rollup("Pss")
    }

    /// Memory in bytes that it holds alone, without the program's text. Of a program that others on this
    /// machine may run as well, as a Redis is, the proportional set size depends on them.
    pub fn own_memory(&self) -> anyhow::Result<u64> {
        self.rollup("Anonymous")
    }

    fn rollup(&self, field: &str) -> anyhow::Result<u64> {
        let process =
            Process::new(self.pid).with_context(|| format!("process {} is gone", self.pid))?;
        let rollup = process.smaps_rollup()?;
        let value = |extension: &MMapExtension| extension.map.get(field).copied();
        rollup
            .memory_map_rollup
            .iter()
            .find_map(|map| value(&map.extension))
            .with_context(|| format!("the kernel does not say {field} of a process"))
    }
}
