//! A real pgbouncer before a Postgres: Debian's package, on a free port.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::port::free_port;
use crate::postgres::{Postgres, unprivileged_user};
use crate::skip::skip;
use crate::wait::until;

/// A pgbouncer that ends with this value.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts it between a test and Postgres, with the pool mode `session` or `transaction`; `None` if it
    /// is not installed.
    pub fn start(postgres: &Postgres, pool_mode: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("pgbouncer.ini");
        let port = free_port();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {pool_mode}\ndefault_pool_size = 4\n",
            postgres.port()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("pgbouncer");
        command
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // It refuses to run as root.
        if let Some(user) = unprivileged_user(directory.path()) {
            std::os::unix::fs::chown(directory.path(), Some(user.uid), Some(user.gid)).unwrap();
            command.uid(user.uid).gid(user.gid);
        }
        // Debian installs it in a folder that is on root's PATH only.
        let path = std::env::var("PATH").unwrap_or_default();
        let Ok(child) = command.env("PATH", path + ":/usr/sbin").spawn() else {
            skip("pgbouncer is not installed", "apt-get install pgbouncer");
            return None;
        };
        let bouncer = Self {
            child,
            port,
            _directory: directory,
        };
        until("pgbouncer listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(bouncer)
    }

    /// The address of a database, through the pgbouncer.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
