//! A real Postgres: Debian's package, in a directory of its own, on a free port.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use super::skipped;

/// A server that all tests of a program share, for as long as one of them runs.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

pub struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    user: Option<User>,
    port: u16,
    running: Mutex<Option<Child>>,
    databases: AtomicU32,
}

/// Postgres refuses to run as root, so then it runs as somebody else.
#[derive(Clone, Copy)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl Postgres {
    /// The shared server; `None` where Postgres is not installed.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    /// A server of a test's own, for a test that stops it.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skipped("Postgres is not installed", "apt-get install postgresql");
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

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Runs SQL as the owner of everything.
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

    /// Starts it, and waits until it says that it is ready; false when it ended instead.
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
                // Postgres would wait without end if what else it has to say were not read.
                std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
                *self.running.lock().unwrap() = Some(child);
                return true;
            }
            line.clear();
        }
        child.wait().unwrap();
        false
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut child) = running {
            // SIGQUIT: it ends its own processes and leaves the tidying to its next start.
            let process = child.id().to_string();
            Command::new("kill")
                .args(["-QUIT", &process])
                .status()
                .unwrap();
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

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where initdb and its kin are: in the path, or where Debian puts them, the newest first.
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

/// Somebody else than root, where we are root: the user `postgres`, or else `nobody`.
pub fn unprivileged_user(ours: &Path) -> Option<User> {
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
