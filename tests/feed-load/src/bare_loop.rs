//! The limit: a server that does nothing but `write()`.
//!
//! It upgrades connections, remembers who follows which stock, and when a price comes it writes the
//! frame to each socket in turn. No broker, no task, no queue, no limits, no timeouts: a user whose
//! socket is full misses the price without notice. What it costs, the kernel costs, and no server
//! that sends the same frames to the same sockets can cost less.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Deserialize;
use slab::Slab;

use crate::frame::{self, OpCode};
use crate::handshake;
use crate::machine;

const LISTENER: Token = Token(usize::MAX);
const PRICES: Token = Token(usize::MAX - 1);

/// What the bare loop understands.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Request {
    Subscribe { stock: String },
    Unsubscribe { stock: String },
}

struct BareLoop {
    poll: Poll,
    connections: Slab<Connection>,
    /// Stock to its users, in the order in which they came.
    stocks: HashMap<String, Vec<usize>>,
}

struct Connection {
    socket: TcpStream,
    open: bool,
    /// What has come and is not handled yet.
    rest: Vec<u8>,
}

/// Serves until standard input ends. Each line of it is `STOCK PRICE…`: a price is written to
/// every user of the stock in one `write()`, and prices on one line leave together in one.
pub(crate) fn run(listen: SocketAddr) -> anyhow::Result<()> {
    machine::raise_descriptors()?;
    let poll = Poll::new()?;
    let mut listener =
        TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{}", listener.local_addr()?);
    let waker = Waker::new(poll.registry(), PRICES)?;
    let (sender, prices) = mpsc::channel();
    thread::spawn(move || hand_over(sender, &waker));
    let mut server = BareLoop {
        poll,
        connections: Slab::new(),
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
            let flow = server.on_ready(event.token(), &listener, &prices)?;
            if flow.is_break() {
                return Ok(());
            }
        }
    }
}

/// Hands standard input over to the loop until it ends.
fn hand_over(sender: Sender<String>, waker: &Waker) {
    let mut stdin = io::BufReader::with_capacity(64 * 1024, io::stdin().lock());
    while let Ok(lines) = waiting_lines(&mut stdin)
        && !lines.is_empty()
        && sender.send(lines).is_ok()
    {
        let _ = waker.wake();
    }
    // Dropped first, so that the loop, once woken, sees the end.
    drop(sender);
    let _ = waker.wake();
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
    /// Does what a descriptor is ready for; a break at the end of standard input.
    fn on_ready(
        &mut self,
        token: Token,
        listener: &TcpListener,
        prices: &Receiver<String>,
    ) -> io::Result<ControlFlow<()>> {
        match token {
            LISTENER => self.accept(listener)?,
            PRICES => return Ok(self.publish_all(prices)),
            Token(user) => self.read(user),
        }
        Ok(ControlFlow::Continue(()))
    }

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
            let entry = self.connections.vacant_entry();
            let key = entry.key();
            let registry = self.poll.registry();
            registry.register(&mut socket, Token(key), Interest::READABLE)?;
            entry.insert(Connection {
                socket,
                open: false,
                rest: Vec::new(),
            });
            // The request may have come before the socket was in epoll.
            self.read(key);
        }
    }

    fn read(&mut self, key: usize) {
        let mut buffer = [0; 4096];
        while let Some(connection) = self.connections.get_mut(key) {
            let read = match connection.socket.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A broken connection has ended, as one of which nothing more is read.
                Err(_) => 0,
            };
            connection.rest.extend_from_slice(&buffer[..read]);
            if read == 0 || self.handle(key).is_none() {
                return self.close(key);
            }
        }
    }

    /// Answers what has come from a user; `None` if the connection is to be closed.
    fn handle(&mut self, key: usize) -> Option<()> {
        let connection = &mut self.connections[key];
        let (mut used, mut reply) = (0, Vec::new());
        if !connection.open {
            let Some(request) = handshake::read_request(&connection.rest).ok()? else {
                return Some(());
            };
            (used, connection.open) = (request, true);
            reply = handshake::answer();
            let status = br#"{"type":"status","feed":"live"}"#;
            frame::from_server(OpCode::Text, status, &mut reply);
        }
        while let Some((frame, length)) = frame::first(&connection.rest[used..]).ok()? {
            used += length;
            if frame.opcode != OpCode::Text {
                return None;
            }
            let text = match serde_json::from_slice(&frame.payload).ok()? {
                Request::Subscribe { stock } => {
                    let text = format!(r#"{{"type":"subscribed","stock":"{stock}"}}"#);
                    self.stocks.entry(stock).or_default().push(key);
                    text
                }
                Request::Unsubscribe { stock } => {
                    let users = self.stocks.get_mut(&stock)?;
                    users.retain(|user| *user != key);
                    format!(r#"{{"type":"unsubscribed","stock":"{stock}"}}"#)
                }
            };
            frame::from_server(OpCode::Text, text.as_bytes(), &mut reply);
        }
        connection.rest.drain(..used);
        connection.rest.shrink_to_fit();
        let written = reply.is_empty() || connection.socket.write(&reply).ok()? == reply.len();
        written.then_some(())
    }

    /// Publishes what waits; a break at the end of standard input.
    fn publish_all(&mut self, prices: &Receiver<String>) -> ControlFlow<()> {
        loop {
            match prices.try_recv() {
                Ok(lines) => lines.lines().for_each(|line| self.publish(line)),
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        }
    }

    fn publish(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let Some(stock) = words.next() else { return };
        let mut frames = Vec::new();
        for price in words {
            let text = format!(r#"{{"type":"price","stock":"{stock}","price":"{price}"}}"#);
            frame::from_server(OpCode::Text, text.as_bytes(), &mut frames);
        }
        let mut broken = Vec::new();
        for key in self.stocks.get(stock).map_or(&[][..], Vec::as_slice) {
            match self.connections[*key].socket.write(&frames) {
                Ok(taken) if taken == frames.len() => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Half a frame can't be taken back.
                _ => broken.push(*key),
            }
        }
        broken.into_iter().for_each(|key| self.close(key));
    }

    fn close(&mut self, key: usize) {
        for users in self.stocks.values_mut() {
            users.retain(|user| *user != key);
        }
        self.connections.remove(key);
    }
}
