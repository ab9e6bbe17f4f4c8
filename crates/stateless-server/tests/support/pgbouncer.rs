//! A real pgbouncer before a Postgres: Debian's package, on a free port.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::postgres::{Postgres, unprivileged_user};
use super::skipped;

pub struct PgBouncer {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl PgBouncer {
    /// In `session` or `transaction` mode; `None` where it is not installed.
    pub fn before(postgres: &Postgres, pool_mode: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("pgbouncer.ini");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
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
        // Debian puts it where only root looks.
        let path = std::env::var("PATH").unwrap_or_default();
        let Ok(child) = command.env("PATH", path + ":/usr/sbin").spawn() else {
            skipped("pgbouncer is not installed", "apt-get install pgbouncer");
            return None;
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "pgbouncer does not listen");
            std::thread::yield_now();
        }
        Some(Self {
            child,
            port,
            _directory: directory,
        })
    }

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
