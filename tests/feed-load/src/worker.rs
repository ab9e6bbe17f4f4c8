//! A worker: the users of one process, all on one thread, in one epoll.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Once;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use nix::errno::Errno;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use socket2::{Domain, Protocol, Socket, Type};

use crate::assignment::Assignment;
use crate::counts::Counts;
use crate::frame::{self, OpCode};
use crate::handshake;
use crate::protocol::{Connect, Pacing, Placement, Report, WorkerCommand};
use crate::stamp;
use crate::stopwatch::Stopwatch;
use crate::subscription::Subscription;
use crate::user::{Disconnect, Stage, Totals, User};

/// The token of the waker that announces a command; users have their own numbers.
pub(crate) const COMMAND: Token = Token(usize::MAX);

/// What one user has unread in the kernel at most, so that a worker that lags can't eat
/// the machine's memory for sockets.
const RECEIVE_BUFFER: usize = 16 * 1024;

/// The ports that a worker takes of its own source address, in turn. Choosing them here is
/// cheaper than to let the kernel look for a free one among thousands that are taken.
pub(crate) const PORTS: RangeInclusive<u16> = 10_000..=64_999;

/// The users of one process.
#[derive(Debug)]
pub(crate) struct Worker {
    poll: Poll,
    plan: Connect,
    assignment: Assignment,
    /// The request to upgrade, for each server.
    requests: Vec<Vec<u8>>,
    users: Vec<User>,
    totals: Totals,
    /// Every user's bytes are read into this one.
    buffer: Box<[u8]>,
    /// Users who are to connect, or to change what they follow.
    queue: VecDeque<usize>,
    /// Users whose server has yet to answer, so that no server is asked too much at once.
    waiting: usize,
    /// Users who try again at a time of their own, so that a lost server's users don't storm
    /// the others all at once.
    resting: BinaryHeap<Reverse<(Instant, usize)>>,
    next_port: u16,
    churn: Churn,
    rng: StdRng,
}

#[derive(Debug)]
struct Churn {
    per_second: u32,
    owed: f64,
    since: Instant,
}

impl Churn {
    fn at(per_second: u32) -> Self {
        Self {
            per_second,
            owed: 0.0,
            since: Instant::now(),
        }
    }
}

impl Worker {
    /// The users begin to connect when the worker runs.
    pub(crate) fn new(poll: Poll, plan: Connect) -> Self {
        let request = |server: &SocketAddr| handshake::request(&server.to_string(), &plan.path);
        Self {
            poll,
            assignment: plan.assignment,
            requests: plan.servers.iter().map(request).collect(),
            users: (0..plan.users)
                .map(|user| User::new(plan.home(user)))
                .collect(),
            totals: Totals {
                stocks: plan.stocks.clone(),
                counts: Counts::default(),
                latencies: ten_minutes(),
                ages: ten_minutes(),
                between_reads: ten_minutes(),
                stopwatch: None,
            },
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
            queue: (0..plan.users).collect(),
            waiting: 0,
            resting: BinaryHeap::new(),
            next_port: *PORTS.start(),
            churn: Churn::at(0),
            rng: StdRng::seed_from_u64(plan.first as u64),
            plan,
        }
    }

    /// Runs until the commands end.
    pub(crate) fn run(
        &mut self,
        commands: &Receiver<WorkerCommand>,
        mut report: impl FnMut(&Report) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let every = Duration::from_millis(self.plan.report_every);
        let gather_for = Duration::from_micros(self.plan.gather_for);
        let (mut reported, mut due) = (Counts::default(), Instant::now() + every);
        loop {
            let timeout = self.timeout(due, reported);
            self.poll.poll(&mut events, Some(timeout))?;
            for event in &events {
                if event.token() != COMMAND {
                    self.on_ready(event.token().0, event.is_read_closed());
                }
            }
            if self.obey(commands, &mut report)?.is_break() {
                return Ok(());
            }
            self.move_users();
            if !events.is_empty() {
                thread::sleep(gather_for);
            }
            let now = Instant::now();
            if now >= due && reported != self.totals.counts {
                reported = self.totals.counts;
                report(&Report::Counts(reported))?;
                due = now + every;
            }
        }
    }

    /// Does what was commanded meanwhile; a break when no more commands can come.
    fn obey(
        &mut self,
        commands: &Receiver<WorkerCommand>,
        mut report: impl FnMut(&Report) -> io::Result<()>,
    ) -> io::Result<ControlFlow<()>> {
        loop {
            let command = match commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return Ok(ControlFlow::Continue(())),
                Err(TryRecvError::Disconnected) => return Ok(ControlFlow::Break(())),
            };
            if let Some(answer) = self.handle(command) {
                report(&answer)?;
            }
        }
    }

    /// How long there is nothing to do unless a socket or a command says so.
    fn timeout(&self, due: Instant, reported: Counts) -> Duration {
        if !self.queue.is_empty() && self.waiting < self.plan.at_once {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let mut timeout = Duration::from_secs(1);
        if reported != self.totals.counts {
            timeout = timeout.min(due.saturating_duration_since(now));
        }
        if let Some(Reverse((at, _))) = self.resting.peek() {
            timeout = timeout.min(at.saturating_duration_since(now));
        }
        if self.churn.per_second > 0 {
            timeout = timeout.min(Duration::from_millis(20));
        }
        timeout
    }

    fn handle(&mut self, command: WorkerCommand) -> Option<Report> {
        match command {
            WorkerCommand::Connect(_) => {
                return Some(Report::Failed("a worker connects once".into()));
            }
            WorkerCommand::StartFromZero => {
                self.subscriptions().for_each(Subscription::start_from_zero);
            }
            WorkerCommand::Follow(assignment) => {
                self.assignment = assignment;
                let open = |user: &usize| self.users[*user].stage == Stage::Open;
                self.queue.extend((0..self.users.len()).filter(open));
            }
            WorkerCommand::GoHome => self.go_home(),
            WorkerCommand::Churn(per_second) => self.churn = Churn::at(per_second),
            WorkerCommand::CountLagging(newest) => {
                let lags = |it: &&mut Subscription| {
                    let newest = newest[usize::from(it.stock)];
                    newest > 0 && !it.leaving && !it.holds(newest)
                };
                let lagging = self.subscriptions().filter(lags).count();
                let away = self.users.iter().filter(|user| user.stage != Stage::Open);
                return Some(Report::Lagging((lagging + away.count()) as u64));
            }
            WorkerCommand::CountPlacement(server) => {
                let there =
                    |user: &&User| user.server == server && user.stage != Stage::Disconnected;
                let elsewhere = |user: &usize| self.users[*user].server != self.plan.home(*user);
                return Some(Report::Placement(Placement {
                    there: self.users.iter().filter(there).count() as u64,
                    unplaced: self.totals.counts.unplaced,
                    elsewhere: (0..self.users.len()).filter(elsewhere).count() as u64,
                }));
            }
            WorkerCommand::TakeLatencies => {
                // The pause before the next price is not a time between reads.
                self.users.iter_mut().for_each(|user| user.read_at = 0);
                return Some(Report::Latencies {
                    all: take_pairs(&mut self.totals.latencies),
                    newest: take_pairs(&mut self.totals.ages),
                    between_reads: take_pairs(&mut self.totals.between_reads),
                });
            }
            WorkerCommand::StartPacing(pace) => {
                self.users.iter_mut().for_each(|user| user.groups = 0);
                let started = Stopwatch::start(pace, ten_minutes(), stamp::now_micros());
                self.totals.stopwatch = Some(started);
                return Some(self.pacing());
            }
            WorkerCommand::ReadPacing => return Some(self.pacing()),
        }
        None
    }

    fn pacing(&self) -> Report {
        let Some(stopwatch) = &self.totals.stopwatch else {
            return Report::Failed("a stopwatch is read that was not started".into());
        };
        let allowed = stopwatch.allowed(stamp::now_micros());
        let too_many = |user: &User| u64::from(user.groups).saturating_sub(allowed);
        Report::Pacing(Pacing {
            counts: self.totals.counts,
            ages: pairs(&stopwatch.ages),
            slots: stopwatch.slots.clone(),
            groups: stopwatch.groups,
            too_many: self.users.iter().map(too_many).sum(),
        })
    }

    fn go_home(&mut self) {
        for user in 0..self.users.len() {
            let home = self.plan.home(user);
            if self.users[user].server != home {
                let resting = self.users[user].stage == Stage::Disconnected;
                self.disconnect(user);
                self.users[user].server = home;
                self.mark_unplaced(user);
                // A user who is disconnected already is in the queue, or will be.
                if !resting {
                    self.queue.push_back(user);
                }
            }
        }
    }

    fn subscriptions(&mut self) -> impl Iterator<Item = &mut Subscription> {
        self.users
            .iter_mut()
            .flat_map(|user| &mut user.subscriptions)
    }

    /// Lets users leave, rest, connect and change stocks, as many at once as the plan allows.
    fn move_users(&mut self) {
        let now = Instant::now();
        if self.churn.per_second > 0 {
            let passed = now.duration_since(self.churn.since).as_secs_f64();
            self.churn.since = now;
            self.churn.owed += passed * f64::from(self.churn.per_second);
            while self.churn.owed >= 1.0 {
                self.churn.owed -= 1.0;
                let user = self.rng.random_range(0..self.users.len());
                if self.users[user].settled() {
                    self.disconnect(user);
                    self.queue.push_back(user);
                }
            }
        }
        while let Some(Reverse((at, user))) = self.resting.peek().copied()
            && at <= now
        {
            self.resting.pop();
            self.queue.push_back(user);
        }
        while self.waiting < self.plan.at_once
            && let Some(user) = self.queue.pop_front()
        {
            match self.users[user].stage {
                Stage::Disconnected => self.connect(user),
                Stage::Open => {
                    if self.change_stocks(user).is_err() {
                        self.lose(user, Disconnect::Ended);
                    }
                }
                Stage::Connecting | Stage::Handshaking => {}
            }
        }
    }

    fn connect(&mut self, user: usize) {
        let server = self.plan.servers[usize::from(self.users[user].server)];
        let interest = Interest::READABLE | Interest::WRITABLE;
        let connected = self.open_socket(server).and_then(|mut socket| {
            let registry = self.poll.registry();
            registry.register(&mut socket, Token(user), interest)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => {
                let caller = &mut self.users[user];
                caller.socket = Some(socket);
                caller.stage = Stage::Connecting;
                caller.waiting = true;
                self.waiting += 1;
            }
            Err(error) => {
                report_once(&error);
                self.totals.counts.refused += 1;
                self.rest(user);
            }
        }
    }

    fn open_socket(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        let mut tries = 0;
        loop {
            let kind = Type::STREAM.nonblocking();
            let socket = Socket::new(Domain::for_address(server), kind, Some(Protocol::TCP))?;
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
            socket.set_tcp_nodelay(true)?;
            let bound = match self.plan.source {
                Some(source) => bind(&socket, source, self.take_port()),
                None => Ok(()),
            };
            match bound.and_then(|()| socket.connect(&server.into())) {
                Ok(()) => return Ok(TcpStream::from_std(socket.into())),
                Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {
                    return Ok(TcpStream::from_std(socket.into()));
                }
                // Someone else holds this port of ours, or still does: the next one will do.
                Err(error) if tries < 100 && is_taken(&error) => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn take_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port == *PORTS.end() {
            *PORTS.start()
        } else {
            port + 1
        };
        port
    }

    fn on_ready(&mut self, user: usize, closed: bool) {
        let result = match self.users[user].stage {
            Stage::Disconnected => return,
            Stage::Connecting => self.send_request(user),
            Stage::Handshaking | Stage::Open => self.read(user, closed),
        };
        match result {
            Ok(()) => self.settle(user),
            Err(reason) => self.lose(user, reason),
        }
    }

    fn send_request(&mut self, user: usize) -> Result<(), Disconnect> {
        let caller = &mut self.users[user];
        let request = &self.requests[usize::from(caller.server)];
        match send(caller.socket.as_ref(), request) {
            Ok(()) => caller.stage = Stage::Handshaking,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(_) => return Err(Disconnect::Refused),
        }
        Ok(())
    }

    fn read(&mut self, user: usize, closed: bool) -> Result<(), Disconnect> {
        let stage = self.users[user].stage;
        let reader = &mut self.users[user];
        let mut kept = reader.rest.len();
        self.buffer[..kept].copy_from_slice(&reader.rest);
        loop {
            let socket = reader
                .socket
                .as_mut()
                .expect("only Disconnected has no socket");
            match socket.read(&mut self.buffer[kept..]) {
                Ok(0) if stage == Stage::Handshaking => return Err(Disconnect::Refused),
                Ok(0) => return Err(Disconnect::Ended),
                Ok(read) => {
                    let filled = kept + read;
                    let used = reader.on_bytes(&self.buffer[..filled], &mut self.totals)?;
                    self.buffer.copy_within(used..filled, 0);
                    kept = filled - used;
                    // A read that did not fill the buffer has emptied the socket; asking again
                    // would be a system call a price. Only the end of the stream hides behind it.
                    if filled < self.buffer.len() && !closed {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Disconnect::Ended),
            }
        }
        if kept > 0 || !reader.rest.is_empty() {
            reader.rest = self.buffer[..kept].to_vec();
        }
        if stage == Stage::Handshaking && reader.stage == Stage::Open {
            return self.change_stocks(user);
        }
        Ok(())
    }

    /// Leaves what the rule does not name, and follows what it does.
    fn change_stocks(&mut self, user: usize) -> Result<(), Disconnect> {
        let wanted = self.assignment.of(self.plan.first + user);
        let reader = &mut self.users[user];
        let mut frames = Vec::new();
        let mut ask = |verb: &str, stock: u16| {
            let stock = &self.totals.stocks[usize::from(stock)];
            let text = format!(r#"{{"type":"{verb}","stock":"{stock}"}}"#);
            frame::from_user(OpCode::Text, text.as_bytes(), &mut frames);
        };
        for subscription in &mut reader.subscriptions {
            if !wanted.contains(&subscription.stock) {
                subscription.leaving = true;
                ask("unsubscribe", subscription.stock);
            }
        }
        reader.subscriptions.reserve_exact(wanted.len());
        for stock in wanted {
            if !reader.subscriptions.iter().any(|it| it.stock == stock) {
                reader.follow(stock, &mut self.totals.counts);
                ask("subscribe", stock);
            }
        }
        if frames.is_empty() {
            return Ok(());
        }
        if !reader.waiting {
            reader.waiting = true;
            self.waiting += 1;
        }
        send(reader.socket.as_ref(), &frames).map_err(|_| Disconnect::Ended)
    }

    /// Lets the next one connect if the server has answered this one.
    fn settle(&mut self, user: usize) {
        let settled = &mut self.users[user];
        if settled.waiting && settled.settled() {
            settled.waiting = false;
            self.waiting -= 1;
            self.totals.counts.unplaced -= u64::from(std::mem::take(&mut settled.unplaced));
        }
    }

    /// Ends the connection; the kernel tells the server.
    fn disconnect(&mut self, user: usize) {
        let left = &mut self.users[user];
        let acknowledged = left.subscriptions.iter().filter(|it| it.acknowledged);
        self.totals.counts.following -= acknowledged.count() as u64;
        self.totals.counts.connected -= u64::from(left.stage == Stage::Open);
        self.totals.counts.unplaced -= u64::from(left.unplaced);
        self.waiting -= usize::from(left.waiting);
        *left = User::new(left.server);
    }

    fn mark_unplaced(&mut self, user: usize) {
        let unplaced = std::mem::replace(&mut self.users[user].unplaced, true);
        self.totals.counts.unplaced += u64::from(!unplaced);
    }

    /// The server ended or refused the connection: the user tries another one after a while.
    fn lose(&mut self, user: usize, reason: Disconnect) {
        match reason {
            Disconnect::Refused => self.totals.counts.refused += 1,
            Disconnect::Ended => self.totals.counts.ended += 1,
        }
        self.disconnect(user);
        self.mark_unplaced(user);
        let servers = self.plan.servers.len();
        if servers > 1 {
            let step = self.rng.random_range(1..servers);
            let moved = &mut self.users[user].server;
            *moved = ((usize::from(*moved) + step) % servers) as u16;
        }
        self.rest(user);
    }

    fn rest(&mut self, user: usize) {
        let pause = Duration::from_millis(self.rng.random_range(100..1_000));
        self.resting.push(Reverse((Instant::now() + pause, user)));
    }
}

/// A histogram of microseconds up to ten minutes, exact to one in a hundred.
fn ten_minutes() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 2).expect("one to ten minutes are valid bounds")
}

fn take_pairs(histogram: &mut Histogram<u64>) -> Vec<(u64, u64)> {
    let pairs = pairs(histogram);
    histogram.reset();
    pairs
}

fn pairs(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let steps = histogram.iter_recorded();
    let pairs = steps.map(|step| (step.value_iterated_to(), step.count_at_value()));
    pairs.collect()
}

fn bind(socket: &Socket, source: Ipv4Addr, port: u16) -> io::Result<()> {
    // A user who left a minute ago may still hold the port in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((source, port)).into())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable
    )
}

/// A few hundred bytes into an empty socket buffer are taken whole or not at all.
fn send(socket: Option<&TcpStream>, bytes: &[u8]) -> io::Result<()> {
    let mut socket = socket.expect("only Disconnected has no socket");
    match socket.write(bytes)? {
        taken if taken == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// The first reason why a user can't connect is worth a line; the ten thousand after it are not.
fn report_once(error: &io::Error) {
    static REPORTED: Once = Once::new();
    REPORTED.call_once(|| eprintln!("feed-load: a user cannot connect, and tries again: {error}"));
}
