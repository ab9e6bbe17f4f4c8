//! One WebSocket user: a socket, the stocks it follows, and the piece of a frame that has come.

use std::io::Write;

use hdrhistogram::Histogram;
use mio::net::TcpStream;

use crate::counts::Counts;
use crate::frame::{self, OpCode};
use crate::handshake;
use crate::message::{Feed, Message, Price};
use crate::stamp::{self, Stamp};
use crate::stopwatch::{Read, Stopwatch};
use crate::subscription::{Arrival, Subscription};

/// What all users of a worker share: the names of the stocks, and the sums of what they saw.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) stocks: Vec<String>,
    pub(crate) counts: Counts,
    /// Microseconds from publication to arrival, of every stamped price.
    pub(crate) latencies: Histogram<u64>,
    /// The same of the newest price alone that each read brought: how old what a user sees is.
    pub(crate) ages: Histogram<u64>,
    /// Microseconds between two reads of one user: how long the server takes to serve it again.
    pub(crate) between_reads: Histogram<u64>,
    /// Runs where users are to be served at a pace.
    pub(crate) stopwatch: Option<Stopwatch>,
}

/// How far a user has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Disconnected,
    /// The TCP connection is being made.
    Connecting,
    /// The request to upgrade is sent.
    Handshaking,
    /// The handshake is finished: frames are read and sent.
    Open,
}

/// Why a connection has no future.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// The server did not accept this user.
    Refused,
    /// The server closed it, sent what is invalid, or did not read.
    Ended,
}

/// One user. A million of them live on one machine, so every byte here is a megabyte there.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) socket: Option<TcpStream>,
    pub(crate) stage: Stage,
    /// Whether the server has yet to acknowledge something it was asked.
    pub(crate) waiting: bool,
    /// Whether it lost its server, or was sent home, and no server has accepted it since.
    pub(crate) unplaced: bool,
    /// Whether the server has said that the whole feed is stale: so is each stock that begins now.
    pub(crate) stale: bool,
    /// The index of the server it goes to.
    pub(crate) server: u16,
    /// Groups of prices since the stopwatch was started, 65,535 at most: at the fastest pace an hour and a
    /// half has fewer.
    pub(crate) groups: u16,
    pub(crate) subscriptions: Vec<Subscription>,
    /// The millisecond of the last read that brought a price; 0 before the first.
    pub(crate) read_at: u32,
    /// The beginning of a frame whose end has not come yet; empty nearly always.
    pub(crate) rest: Vec<u8>,
}

impl User {
    pub(crate) fn new(server: u16) -> Self {
        Self {
            socket: None,
            stage: Stage::Disconnected,
            waiting: false,
            unplaced: false,
            stale: false,
            server,
            groups: 0,
            subscriptions: Vec::new(),
            read_at: 0,
            rest: Vec::new(),
        }
    }

    /// Handles what the socket brought and returns how many bytes of it were used.
    pub(crate) fn on_bytes(
        &mut self,
        bytes: &[u8],
        totals: &mut Totals,
    ) -> Result<usize, Disconnect> {
        let mut used = 0;
        if self.stage == Stage::Handshaking {
            match handshake::read_answer(bytes).map_err(|_| Disconnect::Refused)? {
                None => return Ok(0),
                Some(answer) => used = answer,
            }
            self.stage = Stage::Open;
            totals.counts.connected += 1;
            totals.counts.opened += 1;
        }
        let (now, deliveries) = (stamp::now_micros(), totals.counts.deliveries);
        let (mut newest, mut next) = (None, 0);
        while let Some((frame, length)) = frame::first(&bytes[used..]).map_err(|_| {
            totals.counts.faults += 1;
            Disconnect::Ended
        })? {
            used += length;
            match (frame.opcode, &self.socket) {
                (OpCode::Text, _) => {
                    newest = self
                        .on_message(&frame.payload, now, &mut next, totals)
                        .or(newest);
                }
                (OpCode::Ping, Some(socket)) => pong(&mut &*socket, &frame.payload)?,
                (OpCode::Close, _) => return Err(Disconnect::Ended),
                _ => {}
            }
        }
        let prices = totals.counts.deliveries - deliveries;
        if prices > 0 {
            self.record_read(prices, now, totals);
        }
        if let Some(age) = newest {
            totals.ages.saturating_record(age);
        }
        Ok(used)
    }

    /// Counts a read that brought so many prices.
    fn record_read(&mut self, prices: u64, now: u64, totals: &mut Totals) {
        totals.counts.reads += 1;
        if let Some(stopwatch) = &mut totals.stopwatch {
            let read = Read {
                prices,
                stocks: self.subscriptions.len() as u64,
                begins_within_a_frame: !self.rest.is_empty(),
            };
            let groups = u16::try_from(stopwatch.record_read(read, now));
            self.groups = self.groups.saturating_add(groups.unwrap_or(u16::MAX));
        }
        let before = std::mem::replace(&mut self.read_at, (now / 1_000) as u32);
        if before != 0 {
            let between = u64::from(self.read_at.wrapping_sub(before)) * 1_000;
            totals.between_reads.saturating_record(between);
        }
    }

    /// Begins to follow a stock that the server has yet to be asked for.
    pub(crate) fn follow(&mut self, stock: u16, counts: &mut Counts) {
        let mut subscription = Subscription::new(stock);
        if self.stale {
            counts.stale_notices += u64::from(subscription.mark_stale());
        }
        self.subscriptions.push(subscription);
    }

    /// Handles a message, and returns its age if it is a fresh price of ours. `next` is where the search for
    /// a price's subscription begins.
    fn on_message(
        &mut self,
        text: &[u8],
        now: u64,
        next: &mut usize,
        totals: &mut Totals,
    ) -> Option<u64> {
        match Message::read(text) {
            Some(Message::Price(price)) => return self.on_price(&price, now, next, totals),
            Some(Message::Subscribed { stock }) => {
                if let Some(index) = self.find(&stock, 0, totals)
                    && !self.subscriptions[index].acknowledged
                {
                    self.subscriptions[index].acknowledged = true;
                    totals.counts.following += 1;
                }
            }
            Some(Message::Unsubscribed { stock }) => {
                if let Some(index) = self.find(&stock, 0, totals) {
                    let left = self.subscriptions.swap_remove(index);
                    totals.counts.following -= u64::from(left.acknowledged);
                }
            }
            Some(Message::Status { feed, stock }) => {
                self.on_status(feed, stock.as_deref(), totals);
            }
            Some(Message::Error { .. }) | None => totals.counts.faults += 1,
        }
        None
    }

    fn on_price(
        &mut self,
        price: &Price<'_>,
        now: u64,
        next: &mut usize,
        totals: &mut Totals,
    ) -> Option<u64> {
        let Some(index) = self.find(&price.stock, *next, totals) else {
            // The protocol promises none after `unsubscribed`.
            totals.counts.faults += 1;
            return None;
        };
        *next = index + 1;
        let counts = &mut totals.counts;
        let Some(Stamp { number, micros }) = Stamp::read(&price.price) else {
            if price.last {
                counts.joining += 1;
            } else {
                counts.deliveries += 1;
                counts.missed = counts.missed.saturating_add(price.missed);
            }
            return None;
        };
        let arrival = Arrival {
            number,
            last: price.last,
            missed: price.missed,
        };
        let skipped = self.subscriptions[index].record(arrival, counts);
        if price.last {
            return None;
        }
        if let (Some(stopwatch), Some(skipped)) = (&mut totals.stopwatch, skipped) {
            stopwatch.record_price(micros, skipped, now);
        }
        let age = now.saturating_sub(micros);
        totals.latencies.saturating_record(age);
        Some(age)
    }

    /// Marks the subscription to this stock, or without one all of them.
    fn on_status(&mut self, feed: Feed, stock: Option<&str>, totals: &mut Totals) {
        if stock.is_none() {
            self.stale = feed == Feed::Stale;
        }
        for subscription in &mut self.subscriptions {
            let name = &totals.stocks[usize::from(subscription.stock)];
            if stock.is_some_and(|stock| stock != name) {
                continue;
            }
            match feed {
                Feed::Live => subscription.mark_live(),
                Feed::Stale => {
                    totals.counts.stale_notices += u64::from(subscription.mark_stale());
                }
            }
        }
    }

    /// The subscription to this stock, looked for from the index `from` on and then before it. A group of
    /// prices comes in the order of the subscriptions, so behind one price is where the next one's is.
    fn find(&self, stock: &str, from: usize, totals: &Totals) -> Option<usize> {
        let named = |of: &Subscription| totals.stocks[usize::from(of.stock)] == stock;
        let from = from.min(self.subscriptions.len());
        let (before, behind) = self.subscriptions.split_at(from);
        let found = behind.iter().position(named).map(|index| from + index);
        found.or_else(|| before.iter().position(named))
    }

    /// Whether the server has answered everything it was asked.
    pub(crate) fn settled(&self) -> bool {
        let mut all = self.subscriptions.iter();
        self.stage == Stage::Open && all.all(|it| it.acknowledged && !it.leaving)
    }
}

/// Writes a pong, or none of it.
///
/// One that finds no room in the socket's buffer is not worth waiting for: the server pings again,
/// and a user who reads answers before it is given up. Half of one can't be taken back, and the
/// next frame would be the end of this one to the server.
fn pong(socket: &mut impl Write, payload: &[u8]) -> Result<(), Disconnect> {
    let mut pong = Vec::with_capacity(payload.len() + 8);
    frame::from_user(OpCode::Pong, payload, &mut pong);
    match socket.write(&pong) {
        Ok(taken) if taken < pong.len() => Err(Disconnect::Ended),
        // A socket that is broken says so when it is read.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_pong_is_written_whole_or_not_at_all_or_the_connection_ends() {
        let mut roomy = [0; 100];
        assert_eq!(pong(&mut &mut roomy[..], b"still"), Ok(()));
        let (frame, length) = frame::first(&roomy).unwrap().unwrap();
        assert_eq!(
            (frame.opcode, &*frame.payload),
            (OpCode::Pong, &b"still"[..])
        );
        let mut cramped = vec![0; length - 1];
        assert_eq!(
            pong(&mut &mut cramped[..], b"still"),
            Err(Disconnect::Ended)
        );
        assert_eq!(pong(&mut Full, b"still"), Ok(()), "the next one will do");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
