//! The broker that needs nothing installed, and reaches this process only.

use super::{Broker, BrokerConnection, BrokerError, Events};
use crate::{Price, Stock};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// A broker inside this process: a real one, with Redis's promise, as far as the process reaches.
/// Clones are handles to the same broker.
#[derive(Debug, Clone, Default)]
pub struct InProcess(Arc<Mutex<BTreeMap<Stock, Vec<Arc<Events>>>>>);

impl InProcess {
    /// Publishes a price, and returns how many subscribers received it.
    pub fn publish(&self, stock: Stock, price: Price) -> u64 {
        self.publish_unchecked(stock, price.as_str().as_bytes())
    }

    /// Publishes anything, as anyone may on a real broker.
    pub fn publish_unchecked(&self, stock: Stock, message: &[u8]) -> u64 {
        // The lock is held while the message is handed over: so its order is the same for each
        // subscriber, and none comes after an unsubscribe was confirmed.
        let channels = self.0.lock();
        let subscribers = channels.get(&stock).map_or(&[][..], Vec::as_slice);
        subscribers
            .iter()
            .for_each(|events| events.message(stock, message));
        subscribers.len() as u64
    }

    /// How many connections are subscribed to the stock's channel.
    pub fn subscribers(&self, stock: Stock) -> usize {
        self.0.lock().get(&stock).map_or(0, Vec::len)
    }

    /// The channels that have a subscriber, by name.
    pub fn channels(&self) -> Vec<Stock> {
        self.0.lock().keys().copied().collect()
    }
}

impl Broker for InProcess {
    type Connection = InProcessConnection;

    async fn connect(&self, events: Arc<Events>) -> Result<InProcessConnection, BrokerError> {
        let broker = self.clone();
        Ok(InProcessConnection { broker, events })
    }
}

/// A subscriber's end of a connection. When it is dropped, nothing is subscribed by it any more.
pub(crate) struct InProcessConnection {
    broker: InProcess,
    events: Arc<Events>,
}

impl BrokerConnection for InProcessConnection {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        let mut channels = self.broker.0.lock();
        for stock in stocks {
            let events = Arc::clone(&self.events);
            channels.entry(*stock).or_default().push(events);
        }
        Ok(())
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        self.leave(|stock| stocks.contains(stock));
        Ok(())
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        // Nothing lies between us and the broker that could be lost.
        Ok(())
    }
}

impl InProcessConnection {
    pub(crate) fn leave(&self, which: impl Fn(&Stock) -> bool) {
        self.broker.0.lock().retain(|stock, subscribers| {
            subscribers.retain(|events| !which(stock) || !Arc::ptr_eq(events, &self.events));
            !subscribers.is_empty()
        });
    }
}

impl Drop for InProcessConnection {
    fn drop(&mut self) {
        self.leave(|_| true);
    }
}
