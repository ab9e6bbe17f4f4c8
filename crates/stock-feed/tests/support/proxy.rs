//! A real nginx or HAProxy with a configuration of a test's own, on a port of its own.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Nginx,
    Haproxy,
}

/// A proxy that runs, and ends with this value.
#[derive(Debug)]
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Proxy {
    /// Starts the proxy on a free port, with the configuration for it: all of HAProxy's, and of nginx's
    /// what stands in `http`. A port that was free a moment ago can be lost: then another is tried.
    /// Nothing where the program is missing.
    pub(crate) fn start(
        program: Program,
        configuration: impl Fn(SocketAddr) -> String,
    ) -> Option<Self> {
        if program.is_missing() {
            return None;
        }
        let started = (0..5).find_map(|_| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            Self::try_start(program, address, &configuration(address))
        });
        Some(started.expect("the proxy starts"))
    }

    /// Starts the proxy where another one was.
    pub(crate) fn start_on(program: Program, address: SocketAddr, configuration: &str) -> Self {
        Self::try_start(program, address, configuration).expect("the proxy starts")
    }

    fn try_start(program: Program, address: SocketAddr, configuration: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("configuration");
        fs::write(&file, program.whole(configuration)).unwrap();
        let mut command = Command::new(program.name());
        match program {
            Program::Nginx => command.arg("-p").arg(directory.path()).arg("-c").arg(&file),
            Program::Haproxy => command.arg("-f").arg(&file),
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut proxy = Self {
            child,
            address,
            _directory: directory,
        };
        let mut ended = false;
        until("the proxy listens", || {
            ended = proxy.child.try_wait().unwrap().is_some();
            ended || TcpStream::connect(address).is_ok()
        });
        (!ended).then_some(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Killed on the spot, nginx would leave its worker behind.
        let stop = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &stop]).status();
        let _ = self.child.wait();
    }
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Whether the program is not here. In CI it has to be.
    fn is_missing(self) -> bool {
        let mut version = Command::new(self.name());
        version
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if version.status().is_ok_and(|status| status.success()) {
            return false;
        }
        let package = match self {
            Self::Nginx => "nginx-light",
            Self::Haproxy => "haproxy",
        };
        let name = self.name();
        let notice = format!("{name} is not on the PATH: apt-get install {package}");
        assert!(std::env::var_os("CI").is_none(), "{notice}");
        // libtest swallows eprintln!, and a skipped test must not look like a passed one.
        writeln!(std::io::stderr(), "SKIPPED: {notice}").expect("stderr takes a line");
        true
    }

    /// What Debian's nginx.conf has around its servers: here it runs without root, writes nothing outside
    /// its own directory, and keeps what it says to itself.
    fn whole(self, configuration: &str) -> String {
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};\n"))
            .concat();
        match self {
            Self::Nginx => format!(
                "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
                 events {{ worker_connections 256; }}
                 http {{ {temporary} access_log off; {configuration} }}"
            ),
            Self::Haproxy => configuration.to_owned(),
        }
    }
}
