//! A real nginx or HAProxy with a configuration of a test's own, on a port of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::port::free_port;
use crate::skip::is_installed;
use crate::wait::until;

/// The proxy to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProgram {
    /// Its configuration is what stands in `http { … }`.
    Nginx,
    /// Its configuration is the whole file.
    Haproxy,
}

/// A proxy that runs, and ends with this value.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Proxy {
    /// Starts the proxy on a free port, with the configuration for that address; `None` if the program
    /// is not installed.
    pub fn start(
        program: ProxyProgram,
        configuration: impl Fn(SocketAddr) -> String,
    ) -> Option<Self> {
        if !program.is_installed() {
            return None;
        }
        let started = (0..5).find_map(|_| {
            let address = (Ipv4Addr::LOCALHOST, free_port()).into();
            Self::try_start(program, address, &configuration(address))
        });
        Some(started.expect("the proxy starts"))
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the proxy on an address that another one had.
    pub fn start_on(program: ProxyProgram, address: SocketAddr, configuration: &str) -> Self {
        Self::try_start(program, address, configuration).expect("the proxy starts")
    }

    fn try_start(program: ProxyProgram, address: SocketAddr, configuration: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("configuration");
        fs::write(&file, program.whole(configuration)).unwrap();
        let mut command = Command::new(program.name());
        match program {
            ProxyProgram::Nginx => command.arg("-p").arg(directory.path()).arg("-c").arg(&file),
            ProxyProgram::Haproxy => command.arg("-f").arg(&file),
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

impl ProxyProgram {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Whether the program is installed. If not, the test is skipped.
    pub fn is_installed(self) -> bool {
        let install = match self {
            Self::Nginx => "apt-get install nginx-light",
            Self::Haproxy => "apt-get install haproxy",
        };
        is_installed(self.name(), "-v", install)
    }

    /// The whole configuration file. What is put around nginx's servers lets it run without root, write
    /// nothing outside its own directory, and print nothing.
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
