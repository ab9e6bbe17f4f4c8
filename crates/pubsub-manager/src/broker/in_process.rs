//! The broker that needs nothing installed, and reaches this process only.

use super::{Broker, BrokerConnection, BrokerError, Events, StoredPrice};
use crate::{Price, Stock};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
};

/// A broker inside this process, with the promise of a Redis: at most once, in the order of publishing,
/// and the last price of a stock for those who subscribe later, for as long as the process runs. Clones
/// are handles to the same broker.
#[derive(Debug, Clone, Default)]
pub struct InProcess {
    /// Managers' tasks write it when they subscribe, unsubscribe and lose a connection, and read the last
    /// prices; publishers read the channels and write the last prices, in any thread. Under this lock a
    /// message goes into the hub's pending prices, whose lock is a leaf; the hub never calls a broker, so
    /// the order cannot be reversed.
    state: Arc<Mutex<State>>,
}

/// One lock for both: a price is stored and relayed in one step, so that a manager which reads it has
/// also received it if it was subscribed.
#[derive(Debug, Default)]
struct State {
    /// The connections that are subscribed to each channel, sorted by name for `channels`.
    channels: BTreeMap<Stock, Vec<Arc<Events>>>,
    last_prices: HashMap<Stock, Price>,
}

impl InProcess {
    /// Publishes a price and stores it as the stock's last one; returns how many subscribers received it.
    pub fn publish(&self, stock: Stock, price: Price) -> u64 {
        let mut state = self.state.lock();
        state.last_prices.insert(stock, price);
        state.relay(stock, price.as_str().as_bytes())
    }

    /// Publishes any bytes and stores nothing, as every client of a Redis can; returns how many
    /// subscribers received them.
    pub fn publish_unchecked(&self, stock: Stock, message: &[u8]) -> u64 {
        self.state.lock().relay(stock, message)
    }

    /// Ends each connection that is subscribed to something, and its subscriptions with it, and forgets the
    /// last prices, as the restart of a broker does that keeps nothing on a disk.
    pub fn restart(&self) {
        let state = mem::take(&mut *self.state.lock());
        for events in state.channels.into_values().flatten() {
            events.lost("the broker was restarted");
        }
    }

    /// How many connections are subscribed to the stock's channel.
    pub fn subscribers(&self, stock: Stock) -> usize {
        self.state.lock().channels.get(&stock).map_or(0, Vec::len)
    }

    /// The channels that have a subscriber, by name.
    pub fn channels(&self) -> Vec<Stock> {
        self.state.lock().channels.keys().copied().collect()
    }
}

impl State {
    /// The lock is held while every subscriber is given the message. Otherwise two publishers could reach
    /// two subscribers in different orders, and a message could arrive after a confirmed unsubscribe.
    fn relay(&self, stock: Stock, message: &[u8]) -> u64 {
        let subscribers = self.channels.get(&stock).map_or(&[][..], Vec::as_slice);
        subscribers
            .iter()
            .for_each(|events| events.message(stock, message));
        subscribers.len() as u64
    }
}

impl Broker for InProcess {
    type Connection = InProcessConnection;

    async fn connect(&self, events: Arc<Events>) -> Result<InProcessConnection, BrokerError> {
        let broker = self.clone();
        Ok(InProcessConnection { broker, events })
    }
}

/// A subscriber's end of a connection. Dropping it unsubscribes it from everything.
pub(crate) struct InProcessConnection {
    broker: InProcess,
    events: Arc<Events>,
}

impl BrokerConnection for InProcessConnection {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        let channels = &mut self.broker.state.lock().channels;
        for stock in stocks {
            let events = Arc::clone(&self.events);
            channels.entry(*stock).or_default().push(events);
        }
        Ok(())
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        self.remove(|stock| stocks.contains(stock));
        Ok(())
    }

    async fn last_prices(&self, stocks: &[Stock]) -> Result<Vec<StoredPrice>, BrokerError> {
        let last_prices = &self.broker.state.lock().last_prices;
        let stored = |stock: &Stock| {
            let price = last_prices.get(stock)?;
            Some((*stock, price.as_str().as_bytes().to_vec()))
        };
        Ok(stocks.iter().filter_map(stored).collect())
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        // A call in the same process cannot be lost on the way.
        Ok(())
    }
}

impl InProcessConnection {
    /// Unsubscribes from these channels.
    pub(crate) fn remove(&self, which: impl Fn(&Stock) -> bool) {
        let channels = &mut self.broker.state.lock().channels;
        channels.retain(|stock, subscribers| {
            subscribers.retain(|events| !which(stock) || !Arc::ptr_eq(events, &self.events));
            !subscribers.is_empty()
        });
    }
}

impl Drop for InProcessConnection {
    fn drop(&mut self) {
        self.remove(|_| true);
    }
}
