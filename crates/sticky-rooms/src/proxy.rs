//! A real HAProxy or nginx instead of our own router, with the configuration that is kept beside this
//! crate's code.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use program::supervisor::{NOT_FOUND, Supervisor, Terms};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::router::owner::By;

/// How long a proxy may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is checked whether the proxy still runs.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// A proxy that can stand in front instead of our router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// Needs the package `haproxy`.
    Haproxy,
    /// Needs the package `nginx`.
    Nginx,
}

/// Where the proxy's output goes: it names each server that goes down or up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To the output of this program.
    Shown,
    /// It is discarded: a demonstration prints only its own lines.
    Hidden,
}

/// What a proxy does.
#[derive(Clone, Copy, Debug)]
pub struct ProxySettings<'a> {
    /// The program that is started.
    pub program: Program,
    /// What it chooses a server by.
    pub by: By,
    /// The address to which visitors connect.
    pub listen: SocketAddr,
    /// Server 1 is the first address.
    pub servers: &'a [SocketAddr],
}

/// A proxy that runs, and ends with this value; or with this process, `kill -9` included.
#[derive(Debug)]
pub struct Proxy {
    /// A supervisor, which holds the proxy and its workers.
    child: Child,
    /// The supervisor ends the proxy when this is closed.
    held: Option<ChildStdin>,
    _directory: TempDir,
}

impl Program {
    /// The name of the program, and of its Debian package.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }
}

impl ProxySettings<'_> {
    /// The configuration beside this crate's code, with these addresses in place of its own.
    pub fn configuration(&self) -> String {
        let by = match self.by {
            By::Turns => "by_turns",
            By::User => "by_user",
            By::Room => "by_room",
        };
        let kept = match self.program {
            Program::Haproxy => include_str!("../proxy/haproxy.cfg")
                .replace("default_backend by_room", &format!("default_backend {by}")),
            Program::Nginx => include_str!("../proxy/nginx.conf").replace(
                "proxy_pass http://by_room",
                &format!("proxy_pass http://{by}"),
            ),
        };
        let written = (21_001..).map(|port| format!("127.0.0.1:{port}"));
        let ours = kept.replace("127.0.0.1:3002", &self.listen.to_string());
        written
            .zip(self.servers)
            .fold(ours, |text, (written, server)| {
                text.replace(&written, &server.to_string())
            })
    }
}

impl Proxy {
    /// Starts it under a supervisor, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed, or it does not begin to listen; then it has printed why.
    pub async fn start(
        supervisor: &Supervisor,
        settings: ProxySettings<'_>,
        output: Output,
    ) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory for the proxy")?;
        let file = directory.path().join("proxy.conf");
        fs::create_dir(directory.path().join("tmp"))?;
        fs::write(&file, settings.configuration())?;
        let (program, listen) = (settings.program, settings.listen);
        let name = program.name();
        let mut command = supervisor.command(name, Terms::default());
        match program {
            Program::Haproxy => command.args(["-db", "-f"]).arg(&file),
            Program::Nginx => command.arg("-p").arg(directory.path()).arg("-c").arg(&file),
        };
        if output == Output::Hidden {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start a supervisor for {name}"))?;
        let mut proxy = Self {
            held: child.stdin.take(),
            child,
            _directory: directory,
        };
        let until = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(listen).await.is_err() {
            match proxy.child.try_wait()? {
                Some(status) if status.code() == Some(NOT_FOUND.into()) => {
                    bail!("{name} is not installed; on Debian and Ubuntu: apt-get install {name}")
                }
                Some(status) => bail!("{name} ended ({status}); its own message is above"),
                None if Instant::now() > until => bail!("{name} does not listen at {listen}"),
                None => sleep(Duration::from_millis(10)).await,
            }
        }
        Ok(proxy)
    }

    /// Done when the proxy has ended by itself.
    ///
    /// # Errors
    /// The system does not say.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(CHECK_EVERY).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The supervisor asks the proxy to end, waits, and kills what is left of it.
        drop(self.held.take());
        let _ = self.child.wait();
    }
}
