//! A real `redis-server` of a test's own: on a free port, with nothing on disk, and gone when it
//! is dropped, also when the test panics.

use redis::{Client, Cmd, Connection, FromRedisValue};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::signal;
use crate::skip::is_installed;
use crate::wait::{TIMEOUT, until};

/// A `redis-server` that ends with this value.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
    flags: Vec<String>,
}

impl RedisServer {
    /// A fresh server; `None` if Redis is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Whether Redis is installed, for a test of a program that starts one itself. If not, the test is
    /// skipped.
    pub fn is_installed() -> bool {
        is_installed(
            "redis-server",
            "--version",
            "install it (Debian and Ubuntu: apt-get install redis-server, macOS: brew install redis)",
        )
    }

    /// A fresh server with more flags for redis-server.
    pub fn start_with(flags: &[String]) -> Option<Self> {
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

    /// `redis://127.0.0.1:PORT`, with the password before the host if its flags set one.
    pub fn url(&self) -> String {
        let mut flags = self
            .flags
            .iter()
            .skip_while(|flag| *flag != "--requirepass");
        match flags.nth(1) {
            Some(password) => format!("redis://:{password}@{}", self.address()),
            None => format!("redis://{}", self.address()),
        }
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its host and port.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Ends the server as a power cut does: nothing is sent, nothing is saved.
    pub fn kill_9(&mut self) {
        self.child
            .kill()
            .expect("the child has not been waited for");
        self.child
            .wait()
            .expect("the child has not been waited for");
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        let until = Instant::now() + TIMEOUT;
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

    /// Freezes the server until the guard is dropped: its connections stay open, and it does not answer.
    pub fn freeze(&self) -> FrozenRedis<'_> {
        signal(self.child.id(), "STOP");
        FrozenRedis { server: self }
    }

    /// Runs one command on a connection of its own.
    pub fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_run(words)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Publishes, and returns how many clients were subscribed.
    pub fn publish(&self, channel: &str, message: &str) -> usize {
        self.run(&["PUBLISH", channel, message])
    }

    /// A connection for a test that publishes a lot.
    pub fn connection(&self) -> Connection {
        self.try_connection()
            .unwrap_or_else(|error| panic!("{}: {error}", self.url()))
    }

    /// How many clients are subscribed to each of these channels, except for those with none.
    pub fn numsub(&self, channels: &BTreeSet<String>) -> BTreeMap<String, usize> {
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

    /// Waits until this many clients are subscribed to the channel.
    #[track_caller]
    pub fn until_subscribed(&self, channel: &str, clients: usize) {
        let channels = BTreeSet::from([channel.to_owned()]);
        until(
            &format!("{clients} clients are subscribed to {channel}"),
            || self.numsub(&channels).get(channel).copied().unwrap_or(0) == clients,
        );
    }

    /// Every channel that someone is subscribed to and that can be a stock's.
    pub fn channels(&self) -> BTreeSet<String> {
        let all: BTreeSet<String> = self.run(&["PUBSUB", "CHANNELS"]);
        let is_stock = |name: &String| !name.bytes().any(|byte| byte.is_ascii_lowercase());
        all.into_iter().filter(is_stock).collect()
    }

    /// Whether the child serves its port. False if it ended, because the port was taken.
    fn answers(&mut self) -> bool {
        let until = Instant::now() + TIMEOUT;
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
        let connection = Client::open(self.url())?.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        Ok(connection)
    }

    pub(crate) fn try_run<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.try_connection()?)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed already, and a drop during a panic must not panic again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that is frozen until this is dropped.
#[derive(Debug)]
pub struct FrozenRedis<'a> {
    server: &'a RedisServer,
}

impl Drop for FrozenRedis<'_> {
    fn drop(&mut self) {
        // The test may have failed for any reason, and a second panic would hide it.
        let process = self.server.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "CONT", &process]).status();
    }
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
