//! A real Postgres: Debian's package, in a directory of its own, on a free port.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::signal;
use crate::skip::skip;

/// The server that all tests of a process share, as long as one of them runs.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// A Postgres that ends with this value. Everyone may connect as `postgres`.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    user: Option<User>,
    port: u16,
    running: Mutex<Option<Child>>,
    databases: AtomicU32,
}

/// Postgres and pgbouncer refuse to run as root, so a test that runs as root starts them as another user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Postgres {
    /// The server that all tests of this process share; `None` if Postgres is not installed.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    /// A server of the test's own, for a test that stops or freezes it.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skip("Postgres is not installed", "apt-get install postgresql");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let user = unprivileged_user(directory.path());
        if let Some(User { uid, gid }) = user {
            chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut server = Self {
            programs,
            directory,
            user,
            port: 0,
            running: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        let made = server
            .command("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        // Another program may take the port before Postgres does, so it may need another try.
        let is_up = (0..10).any(|_| {
            server.port = free_port();
            server.resume()
        });
        assert!(is_up, "Postgres found no free port");
        Some(server)
    }

    /// The address of a database for `--database`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates an empty database, and returns its name.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Runs SQL in a database as its owner.
    pub fn run(&self, database: &str, sql: &str) {
        let ran = self
            .command("psql")
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--command",
                sql,
            ])
            .arg(self.url(database))
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }

    /// Starts it, and waits until it is ready; false if it ended instead.
    pub fn resume(&self) -> bool {
        let mut child = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .args([
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
                "-c",
                "logging_collector=off",
            ])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while log.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.contains("ready to accept connections") {
                // If the rest of its log were not read, Postgres would block as soon as the pipe is full.
                std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
                *self.running.lock().unwrap() = Some(child);
                return true;
            }
            line.clear();
        }
        child.wait().unwrap();
        false
    }

    /// Freezes it, with all its sessions, until the guard is dropped: connections stay open, and the kernel
    /// accepts new ones, but nothing is answered.
    pub fn freeze(&self) -> FrozenPostgres {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let server = running.as_ref().expect("it runs").id();
        // First the one that would start another session; each session is a process of its own.
        signal(server, "STOP");
        let found = Command::new("pgrep")
            .args(["-P", &server.to_string()])
            .output()
            .unwrap();
        let sessions = String::from_utf8_lossy(&found.stdout);
        let sessions = sessions.lines().map(|process| process.parse().unwrap());
        let frozen = FrozenPostgres {
            processes: sessions.chain([server]).collect(),
        };
        for process in &frozen.processes {
            signal(*process, "STOP");
        }
        frozen
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut child) = running {
            // It ends its own processes, and the next start recovers the database.
            signal(child.id(), "QUIT");
            child.wait().unwrap();
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A Postgres that is frozen until this is dropped.
#[derive(Debug)]
pub struct FrozenPostgres {
    processes: Vec<u32>,
}

impl Drop for FrozenPostgres {
    fn drop(&mut self) {
        for process in &self.processes {
            // The test may have failed for any reason, and a second panic would hide it.
            let process = process.to_string();
            let _ = Command::new("kill").args(["-s", "CONT", &process]).status();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder of initdb, postgres and psql: on the PATH, or where Debian installs the newest version.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    found.sort();
    found.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    found.into_iter().rev().find(|directory| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|program| directory.join(program).is_file())
    })
}

/// If we are root, the user `postgres`, or else `nobody`.
pub(crate) fn unprivileged_user(ours: &Path) -> Option<User> {
    if fs::metadata(ours).unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse().unwrap());
        Some(User {
            uid: fields.next()?,
            gid: fields.next()?,
        })
    };
    user("postgres").or_else(|| user("nobody"))
}
