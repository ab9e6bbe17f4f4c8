//! A real nginx with a configuration of its own, on a port of its own.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

/// An nginx that runs, and ends with this value.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// Starts nginx on a free port, with these locations. One that was free a moment ago can be lost:
    /// then another is tried.
    pub(crate) fn start(locations: &str) -> Option<Self> {
        if is_missing() {
            return None;
        }
        let started = (0..5).find_map(|_| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            Self::try_start(address, locations)
        });
        Some(started.expect("nginx starts"))
    }

    /// Starts nginx where another one was.
    pub(crate) fn start_on(address: SocketAddr, locations: &str) -> Self {
        Self::try_start(address, locations).expect("nginx starts")
    }

    fn try_start(address: SocketAddr, locations: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration(address, locations)).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self {
            child,
            address,
            _directory: directory,
        };
        let mut ended = false;
        until("nginx listens", || {
            ended = nginx.child.try_wait().unwrap().is_some();
            ended || TcpStream::connect(address).is_ok()
        });
        (!ended).then_some(nginx)
    }
}

/// Runs without root, writes nothing outside its own directory, and keeps what it says to itself.
fn configuration(address: SocketAddr, locations: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .concat();
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
        events {{ worker_connections 256; }}
        http {{
            {temporary}
            access_log off;
            map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
            server {{ listen {address}; {locations} }}
        }}"
    )
}

fn is_missing() -> bool {
    let mut version = Command::new("nginx");
    version
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return false;
    }
    let notice =
        "nginx is not on the PATH: install it (Debian and Ubuntu: apt install nginx-light)";
    assert!(std::env::var_os("CI").is_none(), "{notice}");
    // libtest swallows eprintln!, and a skipped test must not look like a passed one.
    writeln!(std::io::stderr(), "SKIPPED: {notice}").expect("stderr takes a line");
    true
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed on the spot, nginx would leave its worker behind.
        let stop = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &stop]).status();
        let _ = self.child.wait();
    }
}
