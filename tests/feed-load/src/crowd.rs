//! A crowd: the users of one process, all on one thread, in one epoll.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use socket2::{Domain, Protocol, Socket, Type};

use crate::counts::Counts;
use crate::follow::Follow;
use crate::frame::{self, Kind};
use crate::handshake;
use crate::orders::{Census, Connect, Order, Report};
use crate::picks::Picks;
use crate::user::{Books, Over, Stage, User};

/// The token of the waker that announces an order; users have their own numbers.
pub const ORDER: Token = Token(usize::MAX);

/// What one user has unread in the kernel at most, so that a crowd that falls behind can't eat
/// the machine's memory for sockets.
const RECEIVE_BUFFER: usize = 16 * 1024;

/// The ports that a crowd takes of its own source address, in turn. Choosing them here is
/// cheaper than to let the kernel look for a free one among thousands that are taken.
pub const PORTS: std::ops::RangeInclusive<u16> = 10_000..=64_999;

/// The users of one process.
#[derive(Debug)]
pub struct Crowd {
    poll: Poll,
    plan: Connect,
    picks: Picks,
    requests: Vec<Vec<u8>>,
    users: Vec<User>,
    books: Books,
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
    dice: StdRng,
}

#[derive(Debug)]
struct Churn {
    per_second: u32,
    owed: f64,
    since: Instant,
}

impl Crowd {
    /// Gathers the users; they begin to connect when the crowd runs.
    pub fn new(poll: Poll, plan: Connect) -> Self {
        let requests = plan
            .servers
            .iter()
            .map(|server| handshake::request(&server.to_string(), &plan.path))
            .collect();
        let users = (plan.first..plan.first + plan.users)
            .map(|user| User::new((user % plan.servers.len()) as u16))
            .collect();
        Self {
            poll,
            picks: plan.picks,
            requests,
            users,
            books: Books {
                stocks: plan.stocks.clone(),
                counts: Counts::default(),
                latencies: ten_minutes(),
                ages: ten_minutes(),
                rounds: ten_minutes(),
            },
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
            queue: (0..plan.users).collect(),
            waiting: 0,
            resting: BinaryHeap::new(),
            next_port: *PORTS.start(),
            churn: Churn {
                per_second: 0,
                owed: 0.0,
                since: Instant::now(),
            },
            dice: StdRng::seed_from_u64(plan.first as u64),
            plan,
        }
    }

    /// Runs until the orders end.
    ///
    /// # Errors
    /// When reports can't be delivered any more, or epoll fails.
    pub fn run(
        &mut self,
        orders: &Receiver<Order>,
        mut report: impl FnMut(&Report) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let every = Duration::from_millis(self.plan.report_every);
        let gather_for = Duration::from_micros(self.plan.gather_for);
        let (mut reported, mut due) = (Counts::default(), Instant::now() + every);
        loop {
            self.poll
                .poll(&mut events, Some(self.patience(due, reported)))?;
            for event in &events {
                if event.token() != ORDER {
                    self.ready(event.token().0, event.is_read_closed());
                }
            }
            loop {
                match orders.try_recv() {
                    Ok(order) => {
                        if let Some(answer) = self.obey(order) {
                            report(&answer)?;
                        }
                    }
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.go_on();
            if !events.is_empty() {
                std::thread::sleep(gather_for);
            }
            let now = Instant::now();
            if now >= due && reported != self.books.counts {
                reported = self.books.counts;
                report(&Report::Counts(reported))?;
                due = now + every;
            }
        }
    }

    /// How long there is nothing to do unless a socket or an order says so.
    fn patience(&self, due: Instant, reported: Counts) -> Duration {
        if !self.queue.is_empty() && self.waiting < self.plan.at_once {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let mut patience = Duration::from_secs(1);
        if reported != self.books.counts {
            patience = patience.min(due.saturating_duration_since(now));
        }
        if let Some(Reverse((at, _))) = self.resting.peek() {
            patience = patience.min(at.saturating_duration_since(now));
        }
        if self.churn.per_second > 0 {
            patience = patience.min(Duration::from_millis(20));
        }
        patience
    }

    fn obey(&mut self, order: Order) -> Option<Report> {
        match order {
            Order::Connect(_) => Some(Report::Failed {
                reason: "a crowd connects once".into(),
            }),
            Order::StartFromZero => {
                self.follows().for_each(Follow::start_from_zero);
                None
            }
            Order::Follow(picks) => {
                self.picks = picks;
                let open = |user: &User| user.stage == Stage::Open;
                self.queue
                    .extend((0..self.users.len()).filter(|user| open(&self.users[*user])));
                None
            }
            Order::GoHome => {
                for user in 0..self.users.len() {
                    let home = self.home(user);
                    if self.users[user].server != home {
                        let resting = self.users[user].stage == Stage::Away;
                        self.hang_up(user);
                        self.users[user].server = home;
                        self.mark_astray(user);
                        // Who is away already is in the queue, or will be.
                        if !resting {
                            self.queue.push_back(user);
                        }
                    }
                }
                None
            }
            Order::Churn { per_second } => {
                self.churn = Churn {
                    per_second,
                    owed: 0.0,
                    since: Instant::now(),
                };
                None
            }
            Order::Audit { newest } => {
                let behind = self
                    .follows()
                    .filter(|follow| {
                        let newest = newest[usize::from(follow.stock)];
                        newest > 0 && !follow.leaving && !follow.holds(newest)
                    })
                    .count();
                let away = self.users.iter().filter(|user| user.stage != Stage::Open);
                let subscriptions = (behind + away.count()) as u64;
                Some(Report::Behind { subscriptions })
            }
            Order::Census { server } => {
                let there = |user: &&User| user.server == server && user.stage != Stage::Away;
                let homes = (0..self.users.len())
                    .filter(|user| self.users[*user].server == self.home(*user));
                Some(Report::Census(Census {
                    there: self.users.iter().filter(there).count() as u64,
                    astray: self.books.counts.astray,
                    elsewhere: (self.users.len() - homes.count()) as u64,
                }))
            }
            Order::Latencies => {
                // The pause before the next price is nobody's round.
                self.users.iter_mut().for_each(|user| user.read_at = 0);
                Some(Report::Latencies {
                    all: take_pairs(&mut self.books.latencies),
                    newest: take_pairs(&mut self.books.ages),
                    rounds: take_pairs(&mut self.books.rounds),
                })
            }
        }
    }

    fn home(&self, user: usize) -> u16 {
        ((self.plan.first + user) % self.plan.servers.len()) as u16
    }

    fn follows(&mut self) -> impl Iterator<Item = &mut Follow> {
        self.users.iter_mut().flat_map(|user| &mut user.follows)
    }

    /// Lets users leave, rest, connect and change stocks, as many at once as the plan allows.
    fn go_on(&mut self) {
        if self.churn.per_second > 0 {
            let now = Instant::now();
            let passed = now.duration_since(self.churn.since).as_secs_f64();
            self.churn.since = now;
            self.churn.owed += passed * f64::from(self.churn.per_second);
            while self.churn.owed >= 1.0 {
                self.churn.owed -= 1.0;
                let user = self.dice.random_range(0..self.users.len());
                if self.users[user].settled() {
                    self.hang_up(user);
                    self.queue.push_back(user);
                }
            }
        }
        let now = Instant::now();
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
                Stage::Away => self.call(user),
                Stage::Open => self.change_stocks(user),
                Stage::Calling | Stage::Asking => {}
            }
        }
    }

    fn call(&mut self, user: usize) {
        let server = self.plan.servers[usize::from(self.users[user].server)];
        match self.dial(server) {
            Ok(mut socket) => {
                let interest = Interest::READABLE | Interest::WRITABLE;
                if let Err(error) =
                    self.poll
                        .registry()
                        .register(&mut socket, Token(user), interest)
                {
                    tell_once(&error);
                    return self.rest(user);
                }
                let caller = &mut self.users[user];
                caller.socket = Some(socket);
                caller.stage = Stage::Calling;
                caller.waiting = true;
                self.waiting += 1;
            }
            Err(error) => {
                tell_once(&error);
                self.books.counts.refused += 1;
                self.rest(user);
            }
        }
    }

    fn dial(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        let mut tries = 0;
        loop {
            let socket = Socket::new(
                Domain::for_address(server),
                Type::STREAM.nonblocking(),
                Some(Protocol::TCP),
            )?;
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
            socket.set_tcp_nodelay(true)?;
            let dialled = match self.plan.source {
                Some(source) => bind(&socket, source, self.take_port()),
                None => Ok(()),
            }
            .and_then(|()| match socket.connect(&server.into()) {
                Err(error)
                    if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) =>
                {
                    Ok(())
                }
                other => other,
            });
            match dialled {
                Ok(()) => return Ok(TcpStream::from_std(socket.into())),
                // Someone else holds this port of ours, or still does: the next one will do.
                Err(error)
                    if tries < 100
                        && matches!(
                            error.kind(),
                            io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable
                        ) =>
                {
                    tries += 1;
                }
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

    /// A socket has something to say.
    fn ready(&mut self, user: usize, closed: bool) {
        let result = match self.users[user].stage {
            Stage::Away => return,
            Stage::Calling => self.ask(user),
            Stage::Asking | Stage::Open => self.read(user, closed),
        };
        match result {
            Ok(()) => self.settle(user),
            Err(over) => {
                match over {
                    Over::Refused => self.books.counts.refused += 1,
                    Over::Ended => self.books.counts.ended += 1,
                }
                self.hang_up(user);
                self.try_elsewhere(user);
            }
        }
    }

    fn ask(&mut self, user: usize) -> Result<(), Over> {
        let caller = &mut self.users[user];
        let request = &self.requests[usize::from(caller.server)];
        match send(caller.socket.as_ref(), request) {
            Ok(()) => {
                caller.stage = Stage::Asking;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(_) => Err(Over::Refused),
        }
    }

    fn read(&mut self, user: usize, closed: bool) -> Result<(), Over> {
        let stage = self.users[user].stage;
        let reader = &mut self.users[user];
        let mut kept = reader.rest.len();
        self.buffer[..kept].copy_from_slice(&reader.rest);
        loop {
            let socket = reader.socket.as_mut().expect("only Away has no socket");
            match socket.read(&mut self.buffer[kept..]) {
                Ok(0) if stage == Stage::Asking => return Err(Over::Refused),
                Ok(0) => return Err(Over::Ended),
                Ok(read) => {
                    let filled = kept + read;
                    let used = reader.take_in(&self.buffer[..filled], &mut self.books)?;
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
                Err(_) => return Err(Over::Ended),
            }
        }
        if kept > 0 || !reader.rest.is_empty() {
            reader.rest = self.buffer[..kept].to_vec();
        }
        if stage == Stage::Asking && reader.stage == Stage::Open {
            return self.change_stocks_of(user);
        }
        Ok(())
    }

    fn change_stocks(&mut self, user: usize) {
        if self.change_stocks_of(user).is_err() {
            self.books.counts.ended += 1;
            self.hang_up(user);
            self.try_elsewhere(user);
        }
    }

    /// Leaves what the rule does not name, and follows what it does.
    fn change_stocks_of(&mut self, user: usize) -> Result<(), Over> {
        let wanted = self.picks.of(self.plan.first + user);
        let reader = &mut self.users[user];
        let mut asked = Vec::new();
        let mut ask = |verb: &str, stock: u16| {
            let stock = &self.books.stocks[usize::from(stock)];
            let text = format!(r#"{{"type":"{verb}","stock":"{stock}"}}"#);
            frame::from_user(Kind::Text, text.as_bytes(), &mut asked);
        };
        for follow in &mut reader.follows {
            if !wanted.contains(&follow.stock) {
                follow.leaving = true;
                ask("unsubscribe", follow.stock);
            }
        }
        reader.follows.reserve_exact(wanted.len());
        for stock in wanted {
            if !reader.follows.iter().any(|follow| follow.stock == stock) {
                reader.follow(stock, &mut self.books.counts);
                ask("subscribe", stock);
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        if !reader.waiting {
            reader.waiting = true;
            self.waiting += 1;
        }
        send(reader.socket.as_ref(), &asked).map_err(|_| Over::Ended)
    }

    /// Makes room for the next one if the server has answered this one.
    fn settle(&mut self, user: usize) {
        let settled = &mut self.users[user];
        if settled.waiting && settled.settled() {
            settled.waiting = false;
            self.waiting -= 1;
            self.books.counts.astray -= u64::from(std::mem::take(&mut settled.astray));
        }
    }

    /// Ends the connection; the kernel tells the server.
    fn hang_up(&mut self, user: usize) {
        let left = &mut self.users[user];
        let acknowledged = left.follows.iter().filter(|follow| follow.acknowledged);
        self.books.counts.following -= acknowledged.count() as u64;
        self.books.counts.connected -= u64::from(left.stage == Stage::Open);
        self.books.counts.astray -= u64::from(left.astray);
        self.waiting -= usize::from(left.waiting);
        *left = User::new(left.server);
    }

    fn mark_astray(&mut self, user: usize) {
        let astray = std::mem::replace(&mut self.users[user].astray, true);
        self.books.counts.astray += u64::from(!astray);
    }

    fn try_elsewhere(&mut self, user: usize) {
        self.mark_astray(user);
        let servers = self.plan.servers.len();
        if servers > 1 {
            let step = self.dice.random_range(1..servers);
            let moved = &mut self.users[user].server;
            *moved = ((usize::from(*moved) + step) % servers) as u16;
        }
        self.rest(user);
    }

    fn rest(&mut self, user: usize) {
        let pause = Duration::from_millis(self.dice.random_range(100..1_000));
        self.resting.push(Reverse((Instant::now() + pause, user)));
    }
}

/// A histogram of microseconds up to ten minutes, exact to one in a hundred.
fn ten_minutes() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 2).expect("one to ten minutes are valid bounds")
}

fn take_pairs(histogram: &mut Histogram<u64>) -> Vec<(u64, u64)> {
    let pairs = histogram.iter_recorded();
    let pairs = pairs
        .map(|step| (step.value_iterated_to(), step.count_at_value()))
        .collect();
    histogram.reset();
    pairs
}

fn bind(socket: &Socket, source: Ipv4Addr, port: u16) -> io::Result<()> {
    // A user who left a minute ago may still hold the port in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((source, port)).into())
}

/// A few hundred bytes into an empty socket buffer are taken whole or not at all.
fn send(socket: Option<&TcpStream>, bytes: &[u8]) -> io::Result<()> {
    let mut socket = socket.expect("only Away has no socket");
    match socket.write(bytes)? {
        taken if taken == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// The first reason why a user can't connect is worth a line; the ten thousand after it are not.
fn tell_once(error: &io::Error) {
    static TOLD: std::sync::Once = std::sync::Once::new();
    TOLD.call_once(|| eprintln!("feed-load: a user cannot connect, and tries again: {error}"));
}
