//! A worker to command, and a server that sends what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use feed_load::assignment::Assignment;
use feed_load::counts::Counts;
use feed_load::frame::{self, OpCode};
use feed_load::handshake;
use feed_load::protocol::{Connect, Pace, Pacing, Placement, Report, WorkerCommand};
use nix::time::{ClockId, clock_gettime};

/// A worker in a process of its own, ended with the test.
pub(crate) struct Worker {
    process: Child,
    commands: Option<ChildStdin>,
    reports: Receiver<String>,
}

impl Worker {
    /// Users who each follow the first stock of `APPL` and `GOOG` on these servers.
    pub(crate) fn of(users: usize, servers: &[SocketAddr]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_feed-load"))
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, reports) = mpsc::channel();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            lines.map(|line| sender.send(line)).all(|sent| sent.is_ok())
        });
        let mut worker = Self {
            commands: process.stdin.take(),
            reports,
            process,
        };
        worker.command(&WorkerCommand::Connect(Connect {
            servers: servers.to_vec(),
            path: "/ws".into(),
            first: 0,
            users,
            everyone: users,
            source: None,
            stocks: vec!["APPL".into(), "GOOG".into()],
            assignment: Assignment::even(1, 0, 1),
            at_once: 16,
            report_every: 5,
            gather_for: 0,
        }));
        worker
    }

    pub(crate) fn command(&mut self, command: &WorkerCommand) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{}", serde_json::to_string(command).unwrap()).unwrap();
    }

    pub(crate) fn report(&mut self) -> Report {
        let line = self
            .reports
            .recv_timeout(Duration::from_secs(20))
            .expect("a worker reports whenever something happens");
        serde_json::from_str(&line).unwrap()
    }

    /// Reads reports until the counts are what is waited for.
    pub(crate) fn until(&mut self, what_for: impl Fn(&Counts) -> bool) -> Counts {
        loop {
            if let Report::Counts(counts) = self.report()
                && what_for(&counts)
            {
                return counts;
            }
        }
    }

    pub(crate) fn lagging(&mut self, newest: &[u32]) -> u64 {
        self.command(&WorkerCommand::CountLagging(newest.to_vec()));
        loop {
            if let Report::Lagging(subscriptions) = self.report() {
                return subscriptions;
            }
        }
    }

    pub(crate) fn start_pacing(&mut self, pace: Pace) -> Pacing {
        self.pacing(&WorkerCommand::StartPacing(pace))
    }

    pub(crate) fn read_pacing(&mut self) -> Pacing {
        self.pacing(&WorkerCommand::ReadPacing)
    }

    fn pacing(&mut self, command: &WorkerCommand) -> Pacing {
        self.command(command);
        loop {
            if let Report::Pacing(pacing) = self.report() {
                return pacing;
            }
        }
    }

    pub(crate) fn placement(&mut self, server: u16) -> Placement {
        self.command(&WorkerCommand::CountPlacement(server));
        loop {
            if let Report::Placement(placement) = self.report() {
                return placement;
            }
        }
    }

    /// Closes standard input, as the death of the commanding process does, and waits for the end.
    pub(crate) fn abandon(&mut self) -> ExitStatus {
        self.commands = None;
        loop {
            match self.reports.recv_timeout(Duration::from_secs(20)) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the worker goes on without commands"),
            }
        }
        self.process.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server that sends what the test says.
pub(crate) struct Script(TcpListener);

/// One user of it.
pub(crate) struct Line(TcpStream);

impl Script {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // On Linux this bounds accept() as well.
        socket2::SockRef::from(&listener)
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self(listener)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Takes the next call and reads its request.
    pub(crate) fn call(&self) -> Line {
        let (socket, _) = self.0.accept().unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut line = Line(socket);
        let mut request = Vec::new();
        while handshake::read_request(&request) == Ok(None) {
            request.push(line.byte());
        }
        line
    }

    /// Takes the next call, shakes hands, and acknowledges the first subscription.
    pub(crate) fn follower(&self) -> Line {
        let mut line = self.call();
        line.raw(&handshake::answer());
        line.text(r#"{"type":"status","feed":"live"}"#);
        assert_eq!(line.received(), r#"{"type":"subscribe","stock":"APPL"}"#);
        line.text(r#"{"type":"subscribed","stock":"APPL"}"#);
        line
    }
}

impl Line {
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.raw(&frame_of(text));
    }

    /// A price of APPL with this number, and whatever else its message says.
    pub(crate) fn price(&mut self, number: u32, besides: &str) {
        self.text(&price(number, besides));
    }

    /// The next message of the user.
    pub(crate) fn received(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            bytes.push(self.byte());
            if let Some((frame, _)) = frame::first(&bytes).unwrap() {
                return String::from_utf8(frame.payload.into_owned()).unwrap();
            }
        }
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.read_exact(&mut byte).unwrap();
        byte[0]
    }
}

pub(crate) fn price(number: u32, besides: &str) -> String {
    dated(77, number, besides)
}

/// A price that is published at this moment.
pub(crate) fn dated_now(number: u32, besides: &str) -> String {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    dated(Duration::from(now).as_micros(), number, besides)
}

fn dated(micros: u128, number: u32, besides: &str) -> String {
    format!(r#"{{"type":"price","stock":"APPL","price":"{micros}.{number:08}"{besides}}}"#)
}

pub(crate) fn frame_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::from_server(OpCode::Text, text.as_bytes(), &mut bytes);
    bytes
}
