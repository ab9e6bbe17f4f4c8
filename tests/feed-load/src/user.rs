//! One WebSocket user: a socket, the stocks it follows, and the piece of a frame that has come.

use std::io::Write;

use hdrhistogram::Histogram;
use mio::net::TcpStream;

use crate::counts::Counts;
use crate::follow::{Follow, Heard};
use crate::frame::{self, Kind};
use crate::handshake;
use crate::message::{Feed, Message};
use crate::stamp::{self, Stamp};

/// What all users of a crowd share: the names of the stocks, and the books.
#[derive(Debug)]
pub struct Books {
    /// The stocks by their place in the list.
    pub stocks: Vec<String>,
    /// What the users saw.
    pub counts: Counts,
    /// Microseconds from publication to arrival, of every stamped price.
    pub latencies: Histogram<u64>,
    /// The same of the newest price alone that each read brought: how old what a user sees is.
    pub ages: Histogram<u64>,
    /// Microseconds between two reads of one user: how long the server takes to come round.
    pub rounds: Histogram<u64>,
}

/// How far a user has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not connected.
    Away,
    /// The TCP connection is being made.
    Calling,
    /// The handshake is sent.
    Asking,
    /// A WebSocket.
    Open,
}

/// Why a connection has no future.
#[derive(Debug, PartialEq, Eq)]
pub enum Over {
    /// The server would not have this user.
    Refused,
    /// The server said goodbye, or nonsense, or did not read what it was told.
    Ended,
}

/// One user. A million of them live on one machine, so every byte here is a megabyte there.
#[derive(Debug)]
pub struct User {
    /// The connection, if there is one.
    pub socket: Option<TcpStream>,
    /// How far it has come.
    pub stage: Stage,
    /// Whether the server has yet to acknowledge something it was asked.
    pub waiting: bool,
    /// Whether it lost its server, or was sent home, and has not been taken in elsewhere yet.
    pub astray: bool,
    /// Whether the server has told that the whole feed is stale: so is each stock that begins now.
    pub stale: bool,
    /// Which server it goes to.
    pub server: u16,
    /// What it follows.
    pub follows: Vec<Follow>,
    /// The millisecond of the last read that brought a price; 0 before the first.
    pub read_at: u32,
    /// The beginning of a frame whose end has not come yet; empty nearly always.
    pub rest: Vec<u8>,
}

impl User {
    /// A user who has not connected yet.
    pub fn new(server: u16) -> Self {
        Self {
            socket: None,
            stage: Stage::Away,
            waiting: false,
            astray: false,
            stale: false,
            server,
            follows: Vec::new(),
            read_at: 0,
            rest: Vec::new(),
        }
    }

    /// Takes in what the socket brought and returns how many bytes of it were used.
    ///
    /// # Errors
    /// [`Over`] if the connection has no future.
    pub fn take_in(&mut self, bytes: &[u8], books: &mut Books) -> Result<usize, Over> {
        let mut used = 0;
        if self.stage == Stage::Asking {
            match handshake::read_answer(bytes) {
                Ok(None) => return Ok(0),
                Ok(Some(answer)) => used = answer,
                Err(_) => return Err(Over::Refused),
            }
            self.stage = Stage::Open;
            books.counts.connected += 1;
            books.counts.opened += 1;
        }
        let (now, deliveries) = (stamp::now_micros(), books.counts.deliveries);
        let mut newest = None;
        while let Some((frame, length)) =
            frame::first(&bytes[used..]).map_err(|_| self.fault(books))?
        {
            used += length;
            match frame.kind {
                Kind::Text => newest = self.hear(&frame.payload, now, books).or(newest),
                Kind::Ping => self.answer_ping(&frame.payload)?,
                Kind::Pong => {}
                Kind::Close => return Err(Over::Ended),
            }
        }
        if books.counts.deliveries > deliveries {
            books.counts.reads += 1;
            let before = std::mem::replace(&mut self.read_at, (now / 1_000) as u32);
            if before != 0 {
                let round = u64::from(self.read_at.wrapping_sub(before)) * 1_000;
                books.rounds.saturating_record(round);
            }
        }
        if let Some(age) = newest {
            books.ages.saturating_record(age);
        }
        Ok(used)
    }

    /// Begins to follow a stock that the server has yet to be asked for.
    pub fn follow(&mut self, stock: u16, counts: &mut Counts) {
        let mut follow = Follow::new(stock);
        if self.stale {
            counts.told_stale += u64::from(follow.tell_stale());
        }
        self.follows.push(follow);
    }

    fn fault(&self, books: &mut Books) -> Over {
        books.counts.faults += 1;
        Over::Ended
    }

    fn answer_ping(&self, payload: &[u8]) -> Result<(), Over> {
        match &self.socket {
            Some(socket) => pong(&mut &*socket, payload),
            None => Ok(()),
        }
    }

    /// Takes in a message, and says how old it is if it is a fresh price of ours.
    fn hear(&mut self, text: &[u8], now: u64, books: &mut Books) -> Option<u64> {
        match Message::read(text) {
            Some(Message::Price {
                stock,
                price,
                last,
                missed,
            }) => {
                let Some(follow) = self.find(&stock, books) else {
                    // The protocol promises none after `unsubscribed`.
                    books.counts.faults += 1;
                    return None;
                };
                let follow = &mut self.follows[follow];
                match Stamp::read(price.as_bytes()) {
                    Some(stamp) => {
                        let number = stamp.number;
                        follow.hear(
                            Heard {
                                number,
                                last,
                                missed,
                            },
                            &mut books.counts,
                        );
                        if !last {
                            let age = now.saturating_sub(stamp.micros);
                            books.latencies.saturating_record(age);
                            return Some(age);
                        }
                    }
                    None if last => books.counts.joining += 1,
                    None => {
                        books.counts.deliveries += 1;
                        books.counts.missed = books.counts.missed.saturating_add(missed);
                    }
                }
            }
            Some(Message::Subscribed { stock }) => {
                if let Some(at) = self.find(&stock, books)
                    && !self.follows[at].acknowledged
                {
                    self.follows[at].acknowledged = true;
                    books.counts.following += 1;
                }
            }
            Some(Message::Unsubscribed { stock }) => {
                if let Some(at) = self.find(&stock, books) {
                    let left = self.follows.swap_remove(at);
                    books.counts.following -= u64::from(left.acknowledged);
                }
            }
            Some(Message::Status { feed, stock }) => {
                if stock.is_none() {
                    self.stale = feed == Feed::Stale;
                }
                for follow in &mut self.follows {
                    let name = &books.stocks[usize::from(follow.stock)];
                    match feed {
                        _ if stock.as_ref().is_some_and(|stock| stock != name) => {}
                        Feed::Live => follow.tell_live(),
                        Feed::Stale => books.counts.told_stale += u64::from(follow.tell_stale()),
                    }
                }
            }
            Some(Message::Error { .. }) | None => books.counts.faults += 1,
        }
        None
    }

    fn find(&self, stock: &str, books: &Books) -> Option<usize> {
        self.follows
            .iter()
            .position(|follow| books.stocks[usize::from(follow.stock)] == stock)
    }

    /// Whether the server has answered everything it was asked.
    pub fn settled(&self) -> bool {
        self.stage == Stage::Open
            && self
                .follows
                .iter()
                .all(|follow| follow.acknowledged && !follow.leaving)
    }
}

/// Writes a pong, or none of it.
///
/// One that finds no room in the socket's buffer is not worth waiting for: the server pings again,
/// and hears from a user who reads before it gives up. Half of one can't be taken back, and the
/// next frame would be the end of this one to the server.
fn pong(socket: &mut impl Write, payload: &[u8]) -> Result<(), Over> {
    let mut pong = Vec::with_capacity(payload.len() + 8);
    frame::from_user(Kind::Pong, payload, &mut pong);
    match socket.write(&pong) {
        Ok(taken) if taken < pong.len() => Err(Over::Ended),
        // A socket that is broken says so when it is read.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_is_written_whole_or_not_at_all_or_the_connection_ends() {
        let mut roomy = [0; 100];
        assert_eq!(pong(&mut &mut roomy[..], b"still"), Ok(()));
        let (frame, length) = frame::first(&roomy).unwrap().unwrap();
        assert_eq!((frame.kind, &*frame.payload), (Kind::Pong, &b"still"[..]));
        let mut cramped = vec![0; length - 1];
        assert_eq!(pong(&mut &mut cramped[..], b"still"), Err(Over::Ended));
        assert_eq!(pong(&mut Full, b"still"), Ok(()), "the next one will do");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
