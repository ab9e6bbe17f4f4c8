//! The network between the servers and the world: links, connections, and the clock.
//!
//! A message belongs to a connection and is gone with it. The two ends learn of a new connection at
//! different times: what a server sends before it has received the event that opened the connection
//! goes to the old one, and is dropped.

use std::collections::VecDeque;
use std::fmt;

use crate::challenge::Challenge;
use crate::wording::message;

/// The network and the clock, as a challenge uses them.
#[derive(Debug)]
pub struct Net<C: Challenge> {
    pub(crate) now: u64,
    pub(crate) when: When,
    /// Messages and timers so far; each has a number, which is also its place in the order.
    pub(crate) sent: u64,
    pub(crate) links: Vec<Link<C>>,
    pub(crate) timers: Vec<Timer<C::Event>>,
    pub(crate) paused: Vec<bool>,
    connections: Vec<Connection>,
    /// The connection on which the request that is being answered came: (peer, server, which one).
    replying: Option<(&'static str, usize, u32)>,
    /// What the reader of the story sees. `None` while stories are only searched: words cost time.
    lines: Option<Vec<Line>>,
}

/// Messages of one direction, in order.
#[derive(Debug)]
pub(crate) struct Link<C: Challenge> {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) slow: bool,
    pub(crate) waiting: VecDeque<(u64, Packet<C>)>,
}

#[derive(Debug)]
pub(crate) enum Packet<C: Challenge> {
    /// To a server; `opens` is the connection that begins with it.
    In {
        server: usize,
        event: C::Event,
        opens: Option<u32>,
    },
    /// From a server, on this connection.
    Out {
        server: usize,
        action: C::Action,
        connection: u32,
    },
}

/// Connections of one peer to one server, counted.
#[derive(Debug)]
struct Connection {
    peer: &'static str,
    server: usize,
    /// The newest, as the peer has it.
    at_peer: u32,
    /// The newest that the server has received.
    at_server: u32,
}

#[derive(Debug)]
pub(crate) struct Timer<E> {
    pub(crate) due: u64,
    pub(crate) order: u64,
    pub(crate) server: usize,
    pub(crate) event: E,
}

/// The part of a story in which something happens, with the number that is printed before the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the first step.
    Start,
    /// In this step; the first is 1.
    Step(usize),
    /// After the last step.
    End,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("at its start"),
            Self::Step(number) => write!(f, "in step {number}"),
            Self::End => f.write_str("in the end"),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has arrived.
    Arrived,
    /// Its link is slow, or its receiver is paused.
    Waits,
    /// Its connection has ended.
    Lost,
}

/// A message in a story that is printed.
#[derive(Debug, Clone)]
pub struct Line {
    /// The sender.
    pub from: &'static str,
    /// The receiver.
    pub to: &'static str,
    /// The message in words.
    pub words: String,
    /// What became of it in this step.
    pub fate: Fate,
}

impl<C: Challenge> Net<C> {
    pub(crate) fn new(with_words: bool) -> Self {
        Self {
            now: 0,
            when: When::Start,
            sent: 0,
            links: Vec::new(),
            timers: Vec::new(),
            paused: vec![false; C::SERVERS.len()],
            connections: Vec::new(),
            replying: None,
            lines: with_words.then(Vec::new),
        }
    }

    /// A user, a broker or a database sends an event to a server, on the connection that they have.
    pub fn tell(&mut self, peer: &'static str, server: usize, event: C::Event) {
        // The server has crashed since it asked: its connection is gone, and the answer with it.
        if let Some((asked, by, connection)) = self.replying
            && (asked, by) == (peer, server)
            && connection != self.connection(peer, server).at_peer
        {
            return;
        }
        let packet = Packet::In {
            server,
            event,
            opens: None,
        };
        self.send(peer, C::SERVERS[server], packet);
    }

    /// The peer opens a new connection; the server knows of it when it receives this event.
    pub fn open(&mut self, peer: &'static str, server: usize, event: C::Event) {
        let connection = self.connection(peer, server);
        connection.at_peer += 1;
        let packet = Packet::In {
            server,
            event,
            opens: Some(connection.at_peer),
        };
        self.send(peer, C::SERVERS[server], packet);
    }

    /// The peer closes its connection: what the server still sends on it is dropped. The server
    /// receives what the peer had sent before, and then this event.
    pub fn close(&mut self, peer: &'static str, server: usize, event: C::Event) {
        self.connection(peer, server).at_peer += 1;
        self.tell(peer, server, event);
    }

    /// The connection is cut: all that is under way on it is lost, in both directions.
    pub fn cut(&mut self, peer: &'static str, server: usize) {
        self.connection(peer, server).at_peer += 1;
        self.link(peer, C::SERVERS[server]).waiting.clear();
        self.link(C::SERVERS[server], peer).waiting.clear();
    }

    /// A server has crashed: all of its connections have ended, and its timers with them. What it has
    /// sent to a store is still carried out.
    pub(crate) fn crash(&mut self, server: usize) {
        let name = C::SERVERS[server];
        let lost = |link: &&mut Link<C>| {
            link.to == name || link.from == name && !C::STORES.contains(&link.to)
        };
        let lost = self.links.iter_mut().filter(lost);
        lost.for_each(|link| link.waiting.clear());
        let ended = self.connections.iter_mut();
        for connection in ended.filter(|connection| connection.server == server) {
            connection.at_peer += 1;
            connection.at_server = connection.at_peer;
        }
        self.timers.retain(|timer| timer.server != server);
        self.paused[server] = false;
    }

    /// A server sends an action.
    pub(crate) fn send_action(&mut self, server: usize, to: &'static str, action: C::Action) {
        let connection = self.connection(to, server).at_server;
        let packet = Packet::Out {
            server,
            action,
            connection,
        };
        self.send(C::SERVERS[server], to, packet);
    }

    /// Notes that a server has received the event that opens this connection.
    pub(crate) fn opened(&mut self, peer: &'static str, server: usize, connection: u32) {
        self.connection(peer, server).at_server = connection;
    }

    /// Whether this connection still exists.
    pub(crate) fn is_current(&mut self, peer: &'static str, server: usize, number: u32) -> bool {
        self.connection(peer, server).at_peer == number
    }

    /// From now on, `tell` answers a request of this connection.
    pub(crate) fn reply_to(&mut self, request: Option<(&'static str, usize, u32)>) {
        self.replying = request;
    }

    /// Adds a message to the printed story.
    pub(crate) fn note(
        &mut self,
        from: &'static str,
        to: &'static str,
        packet: &Packet<C>,
        fate: Fate,
    ) {
        if let Some(lines) = &mut self.lines {
            let words = match packet {
                Packet::In { event, .. } => message(event, [from, to]),
                Packet::Out { action, .. } => message(action, [from, to]),
            };
            lines.push(Line {
                from,
                to,
                words,
                fate,
            });
        }
    }

    /// The lines since the last call.
    pub(crate) fn take_lines(&mut self) -> Vec<Line> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn link(&mut self, from: &'static str, to: &'static str) -> &mut Link<C> {
        let mut links = self.links.iter();
        let at = links.position(|link| link.from == from && link.to == to);
        let at = at.unwrap_or_else(|| {
            self.links.push(Link {
                from,
                to,
                slow: false,
                waiting: VecDeque::new(),
            });
            self.links.len() - 1
        });
        &mut self.links[at]
    }

    /// The link whose oldest message is next: of all that are fast, the one that was sent first.
    pub(crate) fn next_fast(&self) -> Option<usize> {
        let open = |link: &Link<C>| !link.slow && !self.is_paused(link.to);
        let fast = self.links.iter().enumerate().filter(|(_, link)| open(link));
        let waiting = fast.filter_map(|(at, link)| Some((link.waiting.front()?.0, at)));
        waiting.min().map(|(_, at)| at)
    }

    fn send(&mut self, from: &'static str, to: &'static str, packet: Packet<C>) {
        self.sent += 1;
        let sent = self.sent;
        if self.link(from, to).slow || self.is_paused(to) {
            self.note(from, to, &packet, Fate::Waits);
        }
        self.link(from, to).waiting.push_back((sent, packet));
    }

    fn is_paused(&self, name: &str) -> bool {
        let mut servers = C::SERVERS.iter().zip(&self.paused);
        servers.any(|(server, paused)| *paused && *server == name)
    }

    fn connection(&mut self, peer: &'static str, server: usize) -> &mut Connection {
        let mut all = self.connections.iter();
        let at = all.position(|one| one.peer == peer && one.server == server);
        let at = at.unwrap_or_else(|| {
            self.connections.push(Connection {
                peer,
                server,
                at_peer: 0,
                at_server: 0,
            });
            self.connections.len() - 1
        });
        &mut self.connections[at]
    }
}
