//! The broker that needs nothing installed, and reaches this process only.

use super::{Broker, Heard, Link, Lost};
use crate::{Price, Stock, reconciler::Command};
use parking_lot::Mutex;
use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{Arc, Weak},
};
use tokio::sync::Notify;

/// How many messages may wait for a server that does not listen; beyond it the link is cut, as
/// Redis cuts a client whose output buffer overflows.
const UNHEARD: usize = 262_144;

/// A broker inside this process: a real one, with Redis's promise, as far as the process reaches.
///
/// Clones are handles to the same broker. Besides publishing, it can do on purpose what happens to
/// a Redis by accident: be down, cut its links, grow deaf, refuse a channel.
#[derive(Clone, Default)]
pub struct InProcess(Arc<Mutex<Hub>>);

#[derive(Default)]
struct Hub {
    links: Vec<Weak<Pipe>>,
    refused: HashSet<Stock>,
    down: bool,
}

/// One link, as the broker holds it.
#[derive(Default)]
struct Pipe {
    state: Mutex<PipeState>,
    wake: Notify,
}

#[derive(Default)]
struct PipeState {
    subscribed: HashSet<Stock>,
    unheard: VecDeque<Heard>,
    lost: Option<&'static str>,
    deaf: bool,
}

impl InProcess {
    /// A broker that nobody follows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a price, and returns how many servers were there to hear it.
    pub fn publish(&self, stock: Stock, price: Price) -> u64 {
        self.publish_heard(stock, &Heard::Price(stock, price))
    }

    /// Publishes whatever it is given, as anyone may on a real broker.
    pub fn publish_unchecked(&self, stock: Stock, message: &[u8]) -> u64 {
        self.publish_heard(stock, &Heard::message(stock, message))
    }

    fn publish_heard(&self, stock: Stock, heard: &Heard) -> u64 {
        let mut receivers = 0;
        for pipe in self.0.lock().pipes() {
            let mut state = pipe.state.lock();
            if state.subscribed.contains(&stock) && !state.deaf && state.lost.is_none() {
                state.unheard.push_back(heard.clone());
                if state.unheard.len() > UNHEARD {
                    state.lose("the broker cut a link that did not listen");
                }
                receivers += 1;
                pipe.wake.notify_one();
            }
        }
        receivers
    }

    /// How many servers are subscribed to the stock's channel.
    pub fn subscribers(&self, stock: Stock) -> usize {
        let pipes = self.0.lock().pipes();
        pipes
            .iter()
            .filter(|pipe| pipe.state.lock().subscribed.contains(&stock))
            .count()
    }

    /// The channels that any server is subscribed to, by name.
    pub fn channels(&self) -> Vec<Stock> {
        let pipes = self.0.lock().pipes();
        let all: HashSet<Stock> = pipes
            .iter()
            .flat_map(|pipe| pipe.state.lock().subscribed.clone())
            .collect();
        let mut channels: Vec<Stock> = all.into_iter().collect();
        channels.sort_unstable();
        channels
    }

    /// Cuts every link; servers may link again at once.
    pub fn cut_links(&self) {
        for pipe in self.0.lock().pipes() {
            pipe.state.lock().lose("the broker cut the link");
            pipe.wake.notify_one();
        }
    }

    /// Goes down, which cuts every link, and lets nobody link again.
    pub fn go_down(&self) {
        self.0.lock().down = true;
        self.cut_links();
    }

    /// Comes up again: servers may link.
    pub fn come_up(&self) {
        self.0.lock().down = false;
    }

    /// Keeps every link of now, and lets nothing through it any more: a failover that nobody saw.
    pub fn deafen_links(&self) {
        for pipe in self.0.lock().pipes() {
            pipe.state.lock().deaf = true;
        }
    }

    /// Refuses the channel from now on. Who is subscribed stays so.
    pub fn refuse(&self, stock: Stock) {
        self.0.lock().refused.insert(stock);
    }

    /// Refuses the channel no more.
    pub fn allow(&self, stock: Stock) {
        self.0.lock().refused.remove(&stock);
    }
}

impl Hub {
    fn pipes(&mut self) -> Vec<Arc<Pipe>> {
        self.links.retain(|link| link.strong_count() > 0);
        self.links.iter().filter_map(Weak::upgrade).collect()
    }
}

impl PipeState {
    fn lose(&mut self, reason: &'static str) {
        self.lost.get_or_insert(reason);
        self.subscribed.clear();
        self.unheard.clear();
    }
}

impl Broker for InProcess {
    type Link = InProcessLink;

    async fn connect(&self) -> Result<InProcessLink, Lost> {
        let mut hub = self.0.lock();
        if hub.down {
            return Err(Lost("the broker is down".into()));
        }
        let pipe = Arc::default();
        hub.links.push(Arc::downgrade(&pipe));
        Ok(InProcessLink {
            broker: self.clone(),
            pipe,
        })
    }
}

/// A server's end of a link; when it is dropped, nothing is subscribed by it any more.
pub(crate) struct InProcessLink {
    broker: InProcess,
    pipe: Arc<Pipe>,
}

impl Link for InProcessLink {
    fn ask(&mut self, command: &Command) {
        let hub = self.broker.0.lock();
        let mut state = self.pipe.state.lock();
        if state.deaf || state.lost.is_some() {
            return;
        }
        match command {
            Command::Subscribe(stocks)
                if stocks.iter().any(|stock| hub.refused.contains(stock)) =>
            {
                state.unheard.push_back(Heard::Refused(
                    "NOPERM a channel of the command is refused".into(),
                ));
            }
            Command::Subscribe(stocks) => {
                state.subscribed.extend(stocks);
                state
                    .unheard
                    .extend(stocks.iter().copied().map(Heard::Subscribed));
            }
            Command::Unsubscribe(stocks) => {
                for stock in stocks {
                    state.subscribed.remove(stock);
                    state.unheard.push_back(Heard::Unsubscribed(*stock));
                }
            }
        }
        self.pipe.wake.notify_one();
    }

    fn probe(&mut self) {
        let mut state = self.pipe.state.lock();
        if !state.deaf {
            state.unheard.push_back(Heard::Alive);
            self.pipe.wake.notify_one();
        }
    }

    async fn listen(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        loop {
            {
                let mut state = self.pipe.state.lock();
                if let Some(reason) = state.lost {
                    return Err(Lost(reason.into()));
                }
                if !state.unheard.is_empty() {
                    heard.extend(state.unheard.drain(..));
                    return Ok(());
                }
            }
            // A wake-up that came before this line is kept, so none is lost between.
            self.pipe.wake.notified().await;
        }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "InProcess({} links)", self.0.lock().pipes().len())
    }
}
