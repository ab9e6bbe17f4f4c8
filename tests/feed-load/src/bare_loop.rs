//! The limit: a server that does nothing but `write()`.
//!
//! It shakes hands, remembers who wants which stock, and when a price comes it writes the frame
//! to each socket in turn. No broker, no task, no queue, no limits, no timeouts: a user whose
//! socket is full misses the price untold. What it costs, the kernel costs, and no server that
//! sends the same frames to the same sockets can cost less.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Deserialize;

use crate::frame::{self, Kind};
use crate::{handshake, machine};

const LISTENER: Token = Token(usize::MAX);
const PRICES: Token = Token(usize::MAX - 1);

/// What the bare loop understands of its users.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Wish {
    Subscribe { stock: String },
    Unsubscribe { stock: String },
}

struct BareLoop {
    poll: Poll,
    users: Vec<Option<User>>,
    free: Vec<usize>,
    /// Stock to its users, in the order in which they came.
    stocks: HashMap<String, Vec<usize>>,
}

struct User {
    socket: TcpStream,
    open: bool,
    rest: Vec<u8>,
}

/// Serves until standard input ends. Each line of it is `STOCK PRICE…`: a price is written to
/// every user of the stock in one `write()`, and prices on one line leave together in one.
///
/// # Errors
/// When the address can't be listened on, or epoll fails.
pub fn run(listen: SocketAddr) -> anyhow::Result<()> {
    machine::raise_descriptors()?;
    let poll = Poll::new()?;
    let mut listener =
        TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{}", listener.local_addr()?);
    let waker = Waker::new(poll.registry(), PRICES)?;
    let (tell, prices) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stdin = io::BufReader::with_capacity(64 * 1024, io::stdin().lock());
        while let Ok(lines) = waiting_lines(&mut stdin)
            && !lines.is_empty()
            && tell.send(lines).is_ok()
        {
            let _ = waker.wake();
        }
        drop(tell);
        let _ = waker.wake();
    });
    let mut server = BareLoop {
        poll,
        users: Vec::new(),
        free: Vec::new(),
        stocks: HashMap::new(),
    };
    let mut events = Events::with_capacity(1024);
    loop {
        if let Err(error) = server.poll.poll(&mut events, None)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&listener)?,
                PRICES => loop {
                    match prices.try_recv() {
                        Ok(lines) => lines.lines().for_each(|line| server.publish(line)),
                        Err(mpsc::TryRecvError::Empty) => break,
                        Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                    }
                },
                Token(user) => server.read(user),
            }
        }
    }
}

/// All whole lines that wait, at least one; empty at the end. Handing them over one by one would
/// cost more than some of them cost to send.
fn waiting_lines(stdin: &mut impl BufRead) -> io::Result<String> {
    let mut lines = String::new();
    while !lines.ends_with('\n') {
        let waiting = stdin.fill_buf()?;
        if waiting.is_empty() {
            break;
        }
        let used = match waiting.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None => waiting.len(),
        };
        lines.push_str(&String::from_utf8_lossy(&waiting[..used]));
        stdin.consume(used);
    }
    Ok(lines)
}

impl BareLoop {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The user gave up between its call and our answer.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let user = self.free.pop().unwrap_or_else(|| {
                self.users.push(None);
                self.users.len() - 1
            });
            self.poll
                .registry()
                .register(&mut socket, Token(user), Interest::READABLE)?;
            self.users[user] = Some(User {
                socket,
                open: false,
                rest: Vec::new(),
            });
            // The request may have come before the socket was in epoll.
            self.read(user);
        }
    }

    fn read(&mut self, number: usize) {
        let mut buffer = [0; 4096];
        while let Some(user) = &mut self.users[number] {
            match user.socket.read(&mut buffer) {
                Ok(0) => return self.drop_user(number),
                Ok(read) => {
                    user.rest.extend_from_slice(&buffer[..read]);
                    if self.understand(number).is_none() {
                        return self.drop_user(number);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.drop_user(number),
            }
        }
    }

    /// Answers what has come from a user, or `None` if it is not worth an answer.
    fn understand(&mut self, number: usize) -> Option<()> {
        let user = self.users[number].as_mut()?;
        let (mut used, mut reply) = (0, Vec::new());
        if !user.open {
            let Some(request) = handshake::read_request(&user.rest).ok()? else {
                return Some(());
            };
            (used, user.open) = (request, true);
            reply = handshake::answer();
            frame::from_server(
                Kind::Text,
                br#"{"type":"status","feed":"live"}"#,
                &mut reply,
            );
        }
        while let Some((frame, length)) = frame::first(&user.rest[used..]).ok()? {
            used += length;
            if frame.kind != Kind::Text {
                return None;
            }
            let text = match serde_json::from_slice(&frame.payload).ok()? {
                Wish::Subscribe { stock } => {
                    let text = format!(r#"{{"type":"subscribed","stock":"{stock}"}}"#);
                    self.stocks.entry(stock).or_default().push(number);
                    text
                }
                Wish::Unsubscribe { stock } => {
                    let text = format!(r#"{{"type":"unsubscribed","stock":"{stock}"}}"#);
                    self.stocks
                        .entry(stock)
                        .or_default()
                        .retain(|user| *user != number);
                    text
                }
            };
            frame::from_server(Kind::Text, text.as_bytes(), &mut reply);
        }
        user.rest.drain(..used);
        if user.rest.is_empty() {
            user.rest = Vec::new();
        }
        let taken = if reply.is_empty() {
            0
        } else {
            user.socket.write(&reply).ok()?
        };
        (taken == reply.len()).then_some(())
    }

    fn publish(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let Some(stock) = words.next() else { return };
        let mut frames = Vec::new();
        for price in words {
            let text = format!(r#"{{"type":"price","stock":"{stock}","price":"{price}"}}"#);
            frame::from_server(Kind::Text, text.as_bytes(), &mut frames);
        }
        let mut broken = Vec::new();
        for number in self.stocks.get(stock).map_or(&[][..], Vec::as_slice) {
            let Some(user) = &mut self.users[*number] else {
                continue;
            };
            match user.socket.write(&frames) {
                Ok(taken) if taken == frames.len() => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Half a frame can't be taken back.
                _ => broken.push(*number),
            }
        }
        broken.into_iter().for_each(|number| self.drop_user(number));
    }

    fn drop_user(&mut self, number: usize) {
        self.users[number] = None;
        self.free.push(number);
        for users in self.stocks.values_mut() {
            users.retain(|user| *user != number);
        }
    }
}
