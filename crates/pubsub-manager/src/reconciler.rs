//! How what is wanted becomes what is subscribed: a machine without socket, clock or lock.
//!
//! It is level-triggered. Nobody tells it "subscribe now": it is told what is wanted and what the
//! broker answered, and says what to ask next so that the second becomes equal to the first. A
//! join during a leave, a leave during a reconnect, two joins at once: each is just a difference
//! that is still there when the last answer has come, and a new link is the state in which nothing
//! is subscribed yet.
//!
//! One command is under way at a time, so an answer is never mistaken for another's.

use crate::Stock;
use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

/// The most channels in one command: a hundred thousand joins must not be one line to the broker.
pub(crate) const BATCH: usize = 512;
/// How long an answer may take before the link counts as lost.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a channel may be unconfirmed before its users are told that it is stale.
const LATE: Duration = Duration::from_millis(500);
/// The pause after a first refusal; each further one doubles it.
const RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What to ask of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Subscribe(Vec<Stock>),
    Unsubscribe(Vec<Stock>),
}

/// What became of a stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The broker has confirmed the channel.
    Confirmed(Stock),
    /// The broker refuses the channel; it will be asked again.
    Refused(Stock, String),
    /// The broker has not answered yet, and the users should know.
    Late(Stock),
    /// The broker has confirmed that the channel is left.
    Left(Stock),
    /// Nobody wants the stock and nothing is subscribed: it can be forgotten.
    Forgotten(Stock),
}

/// Time is a duration since any moment that the caller chose; it never goes back.
pub(crate) struct Reconciler {
    leave_delay: Duration,
    known: HashMap<Stock, Known>,
    linked: bool,
    under_way: Option<UnderWay>,
    /// Stocks to subscribe. What stands in a queue is only a hint: whether it still holds is
    /// looked up when its turn comes, so a stock may stand there twice.
    to_join: VecDeque<Stock>,
    /// Parts of a command that was refused as a whole, to find out which channel was meant.
    parts: VecDeque<Vec<Stock>>,
    to_leave: BTreeSet<(Duration, Stock)>,
    to_retry: BTreeSet<(Duration, Stock)>,
    unconfirmed: VecDeque<(Duration, Stock)>,
    /// Whether the link is so new that not everything wanted has been answered.
    settling: bool,
    wanted: u64,
    confirmed: u64,
    news: Vec<News>,
}

struct Known {
    wanted: bool,
    held: Held,
    /// When it is to be left, once nobody wants it.
    leave_at: Option<Duration>,
    refusals: u32,
}

/// What the broker has said of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    /// A subscribe is under way.
    Asked,
    Yes,
    /// An unsubscribe is under way.
    Leaving,
    /// A subscribe was refused, and waits until then for its next attempt.
    Refused {
        until: Duration,
    },
}

struct UnderWay {
    command: Command,
    unanswered: usize,
    answer_by: Duration,
}

impl Reconciler {
    pub(crate) fn new(leave_delay: Duration) -> Self {
        Self {
            leave_delay,
            known: HashMap::new(),
            linked: false,
            under_way: None,
            to_join: VecDeque::new(),
            parts: VecDeque::new(),
            to_leave: BTreeSet::new(),
            to_retry: BTreeSet::new(),
            unconfirmed: VecDeque::new(),
            settling: false,
            wanted: 0,
            confirmed: 0,
            news: Vec::new(),
        }
    }

    /// How many stocks are wanted.
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// How many stocks the broker has confirmed and not been asked to leave.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Whether the link is up and everything that was wanted has been answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.linked && !self.settling
    }

    /// What has happened since it was last asked.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Someone wants the stock. Saying so twice says no more than once.
    pub(crate) fn want(&mut self, stock: Stock, now: Duration) {
        let known = self.known.entry(stock).or_insert(Known {
            wanted: false,
            held: Held::No,
            leave_at: None,
            refusals: 0,
        });
        if known.wanted {
            return;
        }
        known.wanted = true;
        known.leave_at = None;
        self.wanted += 1;
        if known.held != Held::Yes && self.linked {
            self.unconfirmed.push_back((now + LATE, stock));
        }
        if known.held == Held::No && self.linked {
            self.to_join.push_back(stock);
        }
    }

    /// Nobody wants the stock.
    pub(crate) fn unwant(&mut self, stock: Stock, now: Duration) {
        let Entry::Occupied(mut entry) = self.known.entry(stock) else {
            // It came and went before it was looked at.
            return self.news.push(News::Forgotten(stock));
        };
        let known = entry.get_mut();
        if !known.wanted {
            return;
        }
        known.wanted = false;
        self.wanted -= 1;
        match known.held {
            Held::No => {
                entry.remove();
                self.news.push(News::Forgotten(stock));
            }
            Held::Yes => self.leave_later(stock, now),
            // The pause goes on: a user who comes and goes does not make the broker refuse more
            // often, nor fill the log.
            Held::Refused { .. } => {}
            // Both are looked at again when their answer comes.
            Held::Asked | Held::Leaving => {}
        }
    }

    /// Nothing is wanted any more, and what is subscribed is left without delay.
    pub(crate) fn want_nothing(&mut self, now: Duration) {
        self.leave_delay = Duration::ZERO;
        let stocks: Vec<Stock> = self.known.keys().copied().collect();
        for stock in stocks {
            self.unwant(stock, now);
            if self
                .known
                .get(&stock)
                .is_some_and(|known| known.leave_at.is_some_and(|at| at > now))
            {
                self.leave_later(stock, now);
            }
        }
    }

    /// Whether nothing is wanted and nothing subscribed.
    pub(crate) fn is_empty(&self) -> bool {
        let is_over = |known: &Known| !known.wanted && matches!(known.held, Held::Refused { .. });
        self.known.values().all(is_over)
    }

    /// There is a new link: nothing is subscribed on it.
    pub(crate) fn link_up(&mut self) {
        self.link_down();
        self.linked = true;
        self.settling = true;
        self.to_join = self.known.keys().copied().collect();
    }

    /// The link is lost, and with it all that was subscribed.
    pub(crate) fn link_down(&mut self) {
        self.linked = false;
        self.settling = false;
        self.under_way = None;
        self.confirmed = 0;
        self.to_join.clear();
        self.parts.clear();
        self.to_leave.clear();
        self.to_retry.clear();
        self.unconfirmed.clear();
        let news = &mut self.news;
        self.known.retain(|stock, known| {
            known.held = Held::No;
            if !known.wanted {
                news.push(News::Forgotten(*stock));
            }
            known.wanted
        });
    }

    /// The broker says that the channel is subscribed.
    pub(crate) fn subscribed(&mut self, stock: Stock, now: Duration) {
        let Some(known) = self.known.get_mut(&stock) else {
            return;
        };
        if known.held != Held::Asked {
            return;
        }
        known.held = Held::Yes;
        known.refusals = 0;
        let wanted = known.wanted;
        self.confirmed += 1;
        self.news.push(News::Confirmed(stock));
        self.answered();
        if !wanted {
            self.leave_later(stock, now);
        }
    }

    /// The broker says that the channel is not subscribed any more, asked or not.
    pub(crate) fn unsubscribed(&mut self, stock: Stock) {
        let Entry::Occupied(mut entry) = self.known.entry(stock) else {
            return;
        };
        let known = entry.get_mut();
        let asked = match known.held {
            Held::Leaving => true,
            Held::Yes => false,
            Held::No | Held::Asked | Held::Refused { .. } => return,
        };
        known.held = Held::No;
        self.news.push(News::Left(stock));
        if known.wanted {
            self.to_join.push_back(stock);
        } else {
            entry.remove();
            self.news.push(News::Forgotten(stock));
        }
        if asked {
            self.answered();
        } else {
            self.confirmed -= 1;
        }
    }

    /// The broker refuses the command that is under way. It does not say for which channel, so a
    /// command of several is asked again in halves.
    pub(crate) fn refused(&mut self, reason: &str, now: Duration) {
        match self.under_way.take().map(|under_way| under_way.command) {
            Some(Command::Subscribe(mut stocks)) => {
                stocks.retain(|stock| {
                    self.known
                        .get(stock)
                        .is_some_and(|known| known.held == Held::Asked)
                });
                let alone = stocks.len() == 1;
                for stock in &stocks {
                    self.not_subscribed(*stock, alone.then_some(reason), now);
                }
                if !alone {
                    let second = stocks.split_off(stocks.len() / 2);
                    self.parts
                        .extend([stocks, second].into_iter().filter(|part| !part.is_empty()));
                }
            }
            Some(Command::Unsubscribe(stocks)) => {
                for stock in stocks {
                    if let Some(known) = self.known.get_mut(&stock)
                        && known.held == Held::Leaving
                    {
                        known.held = Held::Yes;
                        self.confirmed += 1;
                        if !known.wanted {
                            self.leave_later(stock, now);
                        }
                    }
                }
            }
            None => {}
        }
    }

    fn not_subscribed(&mut self, stock: Stock, refusal: Option<&str>, now: Duration) {
        let Entry::Occupied(mut entry) = self.known.entry(stock) else {
            return;
        };
        let known = entry.get_mut();
        known.held = Held::No;
        if !known.wanted {
            entry.remove();
            self.news.push(News::Forgotten(stock));
        } else if let Some(reason) = refusal {
            let pause = RETRY
                .saturating_mul(1 << known.refusals.min(16))
                .min(LONGEST_RETRY);
            known.refusals += 1;
            let until = now + pause;
            known.held = Held::Refused { until };
            self.to_retry.insert((until, stock));
            self.news.push(News::Refused(stock, reason.to_owned()));
        }
    }

    /// Time has passed.
    ///
    /// # Errors
    /// An answer is overdue: the link is no link any more.
    pub(crate) fn tick(&mut self, now: Duration) -> Result<(), Unanswered> {
        if self
            .under_way
            .as_ref()
            .is_some_and(|under_way| under_way.answer_by <= now)
        {
            return Err(Unanswered);
        }
        while let Some((at, stock)) = self.to_retry.first().copied().filter(|(at, _)| *at <= now) {
            self.to_retry.remove(&(at, stock));
            let Entry::Occupied(mut entry) = self.known.entry(stock) else {
                continue;
            };
            if entry.get().held != (Held::Refused { until: at }) {
                continue;
            }
            if entry.get().wanted {
                entry.get_mut().held = Held::No;
                self.to_join.push_back(stock);
            } else {
                entry.remove();
                self.news.push(News::Forgotten(stock));
            }
        }
        while let Some((_, stock)) = self.unconfirmed.pop_front_if(|(at, _)| *at <= now) {
            if self.is_settled()
                && self
                    .known
                    .get(&stock)
                    .is_some_and(|known| known.wanted && known.held != Held::Yes)
            {
                self.news.push(News::Late(stock));
            }
        }
        Ok(())
    }

    /// What to ask of the broker next, if anything.
    pub(crate) fn next_command(&mut self, now: Duration) -> Option<Command> {
        if !self.linked || self.under_way.is_some() {
            return None;
        }
        let command = self.next_join().or_else(|| {
            // Everything wanted was asked and answered: a new link is settled.
            self.settling = false;
            self.next_leave(now)
        })?;
        let (Command::Subscribe(stocks) | Command::Unsubscribe(stocks)) = &command;
        let unanswered = stocks.len();
        self.under_way = Some(UnderWay {
            command: command.clone(),
            unanswered,
            answer_by: now + ANSWER,
        });
        Some(command)
    }

    fn next_join(&mut self) -> Option<Command> {
        let mut stocks = Vec::new();
        while stocks.is_empty() {
            let part = match self.parts.pop_front() {
                Some(part) => part,
                None if self.to_join.is_empty() => return None,
                None => self
                    .to_join
                    .drain(..self.to_join.len().min(BATCH))
                    .collect(),
            };
            for stock in part {
                if let Some(known) = self.known.get_mut(&stock)
                    && known.wanted
                    && known.held == Held::No
                {
                    known.held = Held::Asked;
                    stocks.push(stock);
                }
            }
        }
        Some(Command::Subscribe(stocks))
    }

    fn next_leave(&mut self, now: Duration) -> Option<Command> {
        let mut stocks = Vec::new();
        while stocks.len() < BATCH
            && let Some((at, stock)) = self.to_leave.first().copied().filter(|(at, _)| *at <= now)
        {
            self.to_leave.remove(&(at, stock));
            if let Some(known) = self.known.get_mut(&stock)
                && known.held == Held::Yes
                && known.leave_at == Some(at)
            {
                known.held = Held::Leaving;
                known.leave_at = None;
                self.confirmed -= 1;
                stocks.push(stock);
            }
        }
        (!stocks.is_empty()).then_some(Command::Unsubscribe(stocks))
    }

    fn leave_later(&mut self, stock: Stock, now: Duration) {
        let at = now + self.leave_delay;
        if let Some(known) = self.known.get_mut(&stock) {
            known.leave_at = Some(at);
            self.to_leave.insert((at, stock));
        }
    }

    fn answered(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.unanswered -= 1;
            if under_way.unanswered == 0 {
                self.under_way = None;
            }
        }
    }
}

/// The broker owes an answer for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered;

#[cfg(test)]
mod tests;
