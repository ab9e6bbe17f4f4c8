//! From what the broker said to what the users get, a slice at a time.
//!
//! Prices that wait together leave together: encoded once, in one write for each user. The loop is
//! cut into slices of [`SLICE`] users, so that a price for a million users is no reason for anyone
//! to wait: between two slices the broker is listened to, joins come in, and other stocks have
//! their turn.

use crate::{
    Event, Message, Price, Stock,
    channel::Channel,
    frames::Frames,
    shared::Shared,
    user::{Batch, User},
};
use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

/// How many users are offered something before others have a turn: at a few microseconds a write to
/// a socket, some two milliseconds.
pub(crate) const SLICE: usize = 256;
/// How many prices of a stock may wait for their turn; older ones count as missed.
pub(crate) const WAITING: usize = 64;

/// What is to be told, in whose turn.
#[derive(Default)]
pub(crate) struct Relay {
    waiting: HashMap<Stock, Waiting>,
    turns: VecDeque<Turn>,
    /// The users of one slice; kept for its memory only.
    slice: Vec<Arc<User>>,
}

enum Turn {
    /// The next slice of a stock's prices. A stock has one turn at most, so its prices keep order.
    Prices(Stock),
    /// The status of the whole feed, to everyone; the number is how many are still to be told.
    Status(usize),
    /// The status of one stock, to its users.
    StockStatus(Arc<Channel>, usize),
}

/// Prices of one stock that wait, and those that are being told.
#[derive(Default)]
struct Waiting {
    prices: VecDeque<Price>,
    /// How many were dropped in front of these.
    older: u64,
    pass: Option<Pass>,
}

/// Prices on their way through a stock's users.
struct Pass {
    channel: Arc<Channel>,
    batch: Batch,
    /// Users up to here are still to be told; a pass goes from the end to the front.
    end: usize,
}

impl Relay {
    pub(crate) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// A price came.
    pub(crate) fn price(&mut self, stock: Stock, price: Price) {
        let waiting = match self.waiting.entry(stock) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.turns.push_back(Turn::Prices(stock));
                entry.insert(Waiting::default())
            }
        };
        if waiting.prices.len() == WAITING {
            waiting.prices.pop_front();
            waiting.older += 1;
        }
        waiting.prices.push_back(price);
    }

    /// The whole feed has become live or stale.
    pub(crate) fn status(&mut self) {
        self.turns.push_back(Turn::Status(usize::MAX));
    }

    /// One stock has become live or stale.
    pub(crate) fn stock_status(&mut self, channel: Arc<Channel>) {
        self.turns.push_back(Turn::StockStatus(channel, usize::MAX));
    }

    /// Forgets everything that was to be told.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Tells one slice of users what they are to be told, and returns how many that were.
    pub(crate) fn tell_a_slice(&mut self, shared: &Arc<Shared>) -> usize {
        let mut left = SLICE;
        while left > 0
            && let Some(turn) = self.turns.pop_front()
        {
            match turn {
                Turn::Prices(stock) => left -= self.tell_prices(stock, left, shared),
                Turn::Status(end) => {
                    let end = shared.users.lock().slice(end, left, &mut self.slice);
                    left -= self.tell_status(shared);
                    if end > 0 {
                        self.turns.push_back(Turn::Status(end));
                    }
                }
                Turn::StockStatus(channel, end) => {
                    let end = channel.lock().users.slice(end, left, &mut self.slice);
                    left -= self.tell_status(shared);
                    if end > 0 {
                        self.turns.push_back(Turn::StockStatus(channel, end));
                    }
                }
            }
        }
        SLICE - left
    }

    fn tell_prices(&mut self, stock: Stock, most: usize, shared: &Arc<Shared>) -> usize {
        let Some(waiting) = self.waiting.get_mut(&stock) else {
            return 0;
        };
        if waiting.pass.is_none() {
            waiting.begin(stock, shared);
        }
        let mut told = 0;
        if let Some(pass) = &mut waiting.pass {
            // The lock is held to copy handles only: a user's lock comes before a channel's.
            pass.end = pass
                .channel
                .lock()
                .users
                .slice(pass.end, most, &mut self.slice);
            told = self.slice.len();
            let (channel, batch) = (&pass.channel, &pass.batch);
            shared.count(
                self.slice
                    .drain(..)
                    .map(|user| user.offer(channel, batch, shared)),
            );
            if pass.end == 0 {
                waiting.pass = None;
            }
        }
        if waiting.pass.is_none() && waiting.prices.is_empty() {
            self.waiting.remove(&stock);
        } else {
            self.turns.push_back(Turn::Prices(stock));
        }
        told
    }

    fn tell_status(&mut self, shared: &Arc<Shared>) -> usize {
        let told = self.slice.len();
        for user in self.slice.drain(..) {
            user.tell_status(shared);
        }
        told
    }
}

impl Waiting {
    /// Makes one batch of all that waits. A stock that nobody follows any more has none.
    fn begin(&mut self, stock: Stock, shared: &Shared) {
        let (prices, older) = (
            std::mem::take(&mut self.prices),
            std::mem::take(&mut self.older),
        );
        let Some(channel) = shared.channels.get(&stock) else {
            return;
        };
        let Some(newest) = prices.back().copied() else {
            return;
        };
        let mut frames = Frames::default();
        for (at, price) in prices.iter().enumerate() {
            let missed = if at == 0 { older } else { 0 };
            frames.push(
                shared.encoder(),
                &Message::Price {
                    stock: &stock,
                    price,
                    last: false,
                    missed,
                },
            );
        }
        let (before, end) = {
            let mut state = channel.lock();
            let before = state.seq;
            state.seq += older + prices.len() as u64;
            state.last = Some(newest);
            (before, state.users.len())
        };
        shared.tell_often(|| Event::Relayed {
            stock,
            price: newest,
            users: end,
        });
        if end > 0 {
            self.pass = Some(Pass {
                channel,
                batch: Batch {
                    before,
                    older,
                    newest,
                    frames,
                },
                end,
            });
        }
    }
}
