//! A real HAProxy or nginx instead of our own router, with the configuration that is kept beside this
//! crate's code.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::router::owner::By;

/// How long it may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// Needs the package `haproxy`.
    Haproxy,
    /// Needs the package `nginx`.
    Nginx,
}

/// What becomes of what it says: which server went down, and when one is up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// On our own output.
    Shown,
    /// Nobody sees it.
    Hidden,
}

/// A proxy that runs, and ends with this value.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    _directory: TempDir,
}

impl Program {
    /// As it is called, and as its package is.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    /// The configuration, with these addresses in place of those that are written in it.
    pub fn configuration(self, by: By, listen: SocketAddr, servers: &[SocketAddr]) -> String {
        let by = match by {
            By::Turns => "by_turns",
            By::User => "by_user",
            By::Room => "by_room",
        };
        let kept = match self {
            Self::Haproxy => include_str!("../proxy/haproxy.cfg")
                .replace("default_backend by_room", &format!("default_backend {by}")),
            Self::Nginx => include_str!("../proxy/nginx.conf").replace(
                "proxy_pass http://by_room",
                &format!("proxy_pass http://{by}"),
            ),
        };
        let written = (21_001..).map(|port| format!("127.0.0.1:{port}"));
        let ours = kept.replace("127.0.0.1:3002", &listen.to_string());
        written.zip(servers).fold(ours, |text, (written, server)| {
            text.replace(&written, &server.to_string())
        })
    }
}

impl Proxy {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed, or it does not begin to listen; then it has said why.
    pub async fn start(
        program: Program,
        by: By,
        listen: SocketAddr,
        servers: &[SocketAddr],
        output: Output,
    ) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory for the proxy")?;
        let file = directory.path().join("proxy.conf");
        fs::create_dir(directory.path().join("tmp"))?;
        fs::write(&file, program.configuration(by, listen, servers))?;
        let name = program.name();
        let mut command = Command::new(name);
        match program {
            Program::Haproxy => command.args(["-db", "-f"]).arg(&file),
            Program::Nginx => command.arg("-p").arg(directory.path()).arg("-c").arg(&file),
        };
        if output == Output::Hidden {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::anyhow!(
                "{name} is not installed; on Debian and Ubuntu: apt-get install {name}"
            ),
            _ => anyhow::anyhow!("cannot start {name}: {error}"),
        })?;
        let mut proxy = Self {
            child,
            _directory: directory,
        };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(listen).await.is_err() {
            if let Some(status) = proxy.child.try_wait()? {
                bail!("{name} ended ({status}); its own message stands above");
            }
            if Instant::now() > until {
                bail!("{name} does not listen at {listen}");
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Killed on the spot, nginx would leave its workers behind.
        let _ = kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        let _ = self.child.wait();
    }
}
