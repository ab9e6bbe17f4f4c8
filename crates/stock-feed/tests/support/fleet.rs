//! Servers and a Redis as processes of their own, ended with the test, also when it fails.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::client::get;
use super::redis_server::RedisServer;
use super::until;

/// The program under test.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stock-feed"));
    command
        .env_remove("REDIS_URL")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// A process that is killed when the test lets go of it, and all that it said.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::default();
        collect(child.stdout.take().unwrap(), &said);
        collect(child.stderr.take().unwrap(), &said);
        Self { child, said }
    }

    /// What it has written so far, to its output and to its errors.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn until_said(&self, text: &str) {
        until(
            &format!("the program says {text:?}; it said {}", self.said()),
            || self.said().contains(text),
        );
    }

    /// Writes to its standard input, which must be a pipe.
    pub(crate) fn hears(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("a pipe, still open");
        input.write_all(text.as_bytes()).unwrap();
    }

    /// Closes its standard input.
    pub(crate) fn hears_no_more(&mut self) {
        self.child.stdin = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How long it has kept a processor busy, in its own code and in the kernel.
    #[cfg(target_os = "linux")]
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name is in parentheses and may be anything; fields 14 and 15 of all are wanted.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum();
        // A hundred a second on every Linux.
        Duration::from_millis(ticks * 10)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let mut status = None;
        until(
            &format!("the program ends; it said {}", self.said()),
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
        );
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(from: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// A server as a process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port, with these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_as(program().args(["--listen", "127.0.0.1:0"]).args(flags))
    }

    /// Starts a server on a free port that is linked to this Redis.
    pub(crate) fn behind(redis: &RedisServer, flags: &[&str]) -> Self {
        let server = Self::start(&[&["--redis", &redis.url()], flags].concat());
        until("the server is linked to Redis", || {
            get(server.address, "/healthz").body == "live\n"
        });
        server
    }

    /// Starts a server where another one was.
    pub(crate) fn start_on(address: SocketAddr, flags: &[&str]) -> Self {
        Self::start_as(
            program()
                .args(["--listen", &address.to_string()])
                .args(flags),
        )
    }

    pub(crate) fn start_as(command: &mut Command) -> Self {
        let process = Process::start(command);
        process.until_said("stock-feed: http://");
        let said = process.said();
        let address = said
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        Self {
            address: address.unwrap().parse().unwrap(),
            process,
        }
    }
}

impl RedisServer {
    #[track_caller]
    pub(crate) fn until_followed(&self, channel: &str, servers: usize) {
        let channels = BTreeSet::from([channel.to_owned()]);
        until(&format!("{servers} servers follow {channel}"), || {
            self.numsub(&channels).get(channel).copied().unwrap_or(0) == servers
        });
    }
}
