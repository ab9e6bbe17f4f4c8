//! A real `redis-server` of a test's own: on a free port, with nothing on disk, and gone when it
//! is dropped, also when the test panics.

use redis::{Client, Cmd, Connection, FromRedisValue};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to answer before the test fails: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
    flags: Vec<String>,
}

impl RedisServer {
    /// A fresh server, or `None`, said plainly, where Redis is not installed. Under CI the tests
    /// that need Redis are not optional, so there it is a failure.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Whether there is a redis-server, for a test of a program that starts its own. Where there is
    /// none, it says so, and fails under CI.
    pub(crate) fn is_installed() -> bool {
        let version = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if version.is_err() {
            let notice = "redis-server is not on the PATH: install it (Debian and Ubuntu: apt \
                          install redis-server, macOS: brew install redis)";
            assert!(std::env::var_os("CI").is_none(), "{notice}");
            // libtest swallows eprintln!, and a skipped test must not look like a passed one.
            writeln!(std::io::stderr(), "SKIPPED: {notice}").expect("stderr takes a line");
        }
        version.is_ok()
    }

    /// The same, with more flags for redis-server.
    pub(crate) fn start_with(flags: &[String]) -> Option<Self> {
        if !Self::is_installed() {
            return None;
        }
        // A port that was free a moment ago can be lost before Redis has it: then try another.
        let server = (0..10).find_map(|_| {
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            let port = free_port();
            let mut server = Self {
                child: spawn(port, &directory, flags),
                port,
                directory,
                flags: flags.to_vec(),
            };
            server.answers().then_some(server)
        });
        Some(server.expect("of ten free ports one stays free until redis-server has it"))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Ends the server as a power cut does: nothing is sent, nothing is saved.
    pub(crate) fn kill_9(&mut self) {
        self.child
            .kill()
            .expect("the child has not been waited for");
        self.child
            .wait()
            .expect("the child has not been waited for");
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            self.child = spawn(self.port, &self.directory, &self.flags);
            if self.answers() {
                return;
            }
            assert!(
                Instant::now() < until,
                "redis-server does not get port {} back",
                self.port
            );
        }
    }

    /// Freezes the server until the guard is dropped: its links stay open and are silent.
    pub(crate) fn freeze(&self) -> Frozen<'_> {
        let sent = self.signal("STOP").is_ok_and(|status| status.success());
        assert!(sent, "redis-server is not there to be frozen");
        Frozen { server: self }
    }

    /// Runs one command on a connection of its own.
    pub(crate) fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_run(words)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Publishes, and returns how many clients were subscribed.
    pub(crate) fn publish(&self, channel: &str, message: &str) -> usize {
        self.run(&["PUBLISH", channel, message])
    }

    /// A connection for a test that publishes a lot.
    pub(crate) fn connection(&self) -> Connection {
        self.try_connection()
            .unwrap_or_else(|error| panic!("{}: {error}", self.url()))
    }

    /// How many clients are subscribed to each of the channels, but for those with none.
    pub(crate) fn numsub(&self, channels: &BTreeSet<String>) -> BTreeMap<String, usize> {
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(channels);
        let counted: Vec<(String, usize)> = command
            .query(&mut self.connection())
            .unwrap_or_else(|error| panic!("PUBSUB NUMSUB: {error}"));
        counted
            .into_iter()
            .filter(|(_, clients)| *clients > 0)
            .collect()
    }

    /// Every channel that someone is subscribed to and that can be a stock's.
    pub(crate) fn channels(&self) -> BTreeSet<String> {
        let all: BTreeSet<String> = self.run(&["PUBSUB", "CHANNELS"]);
        let is_stock = |name: &String| !name.bytes().any(|byte| byte.is_ascii_lowercase());
        all.into_iter().filter(is_stock).collect()
    }

    /// Whether the child serves its port. False if it ended, because the port was taken.
    fn answers(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            if self
                .child
                .try_wait()
                .expect("a child of ours can be asked")
                .is_some()
            {
                return false;
            }
            // Another server may answer on this port, so the answer must name our child.
            let info: Result<String, _> = self.try_run(&["INFO", "server"]);
            let ours = format!("process_id:{}\r\n", self.child.id());
            if info.is_ok_and(|info| info.contains(&ours)) {
                return true;
            }
            assert!(
                Instant::now() < until,
                "redis-server does not answer on port {}",
                self.port
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn try_connection(&self) -> redis::RedisResult<Connection> {
        let connection = Client::open(self.url())?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    fn try_run<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.try_connection()?)
    }

    fn signal(&self, name: &str) -> std::io::Result<ExitStatus> {
        Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed already, and a drop during a panic must not panic again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that is frozen as long as this lives.
pub(crate) struct Frozen<'a> {
    server: &'a RedisServer,
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // A server that is gone has nothing to thaw.
        let _ = self.server.signal("CONT");
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port can be had");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .port()
}

fn spawn(port: u16, directory: &TempDir, flags: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
        .arg("--dir")
        .arg(directory.path())
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server was there a moment ago")
}
