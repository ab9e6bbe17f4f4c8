//! The broker that needs nothing installed, and reaches this process only.

use super::{Broker, BrokerConnection, BrokerError, Events};
use crate::{Price, Stock};
use parking_lot::Mutex;
use std::{collections::BTreeMap, mem, sync::Arc};

/// A broker inside this process, with the promise of a Redis: at most once, in the order of publishing.
/// Clones are handles to the same broker.
#[derive(Debug, Clone, Default)]
pub struct InProcess {
    /// The connections that are subscribed to each channel, sorted by name for `channels`. Managers'
    /// tasks write it when they subscribe, unsubscribe and lose a connection; publishers read it, in any
    /// thread. Under this lock a message goes into the hub's pending prices, whose lock is a leaf; the
    /// hub never calls a broker, so the order cannot be reversed.
    channels: Arc<Mutex<BTreeMap<Stock, Vec<Arc<Events>>>>>,
}

impl InProcess {
    /// Publishes a price, and returns how many subscribers received it.
    pub fn publish(&self, stock: Stock, price: Price) -> u64 {
        self.publish_unchecked(stock, price.as_str().as_bytes())
    }

    /// Publishes any bytes, as every client of a Redis can; returns how many subscribers received them.
    pub fn publish_unchecked(&self, stock: Stock, message: &[u8]) -> u64 {
        // Held while every subscriber is given the message. Otherwise two publishers could reach two
        // subscribers in different orders, and a message could arrive after a confirmed unsubscribe.
        let channels = self.channels.lock();
        let subscribers = channels.get(&stock).map_or(&[][..], Vec::as_slice);
        subscribers
            .iter()
            .for_each(|events| events.message(stock, message));
        subscribers.len() as u64
    }

    /// Ends each connection that is subscribed to something, as the restart of a broker does: its
    /// subscriptions end with it.
    pub fn restart(&self) {
        let channels = mem::take(&mut *self.channels.lock());
        for events in channels.into_values().flatten() {
            events.lost("the broker was restarted");
        }
    }

    /// How many connections are subscribed to the stock's channel.
    pub fn subscribers(&self, stock: Stock) -> usize {
        self.channels.lock().get(&stock).map_or(0, Vec::len)
    }

    /// The channels that have a subscriber, by name.
    pub fn channels(&self) -> Vec<Stock> {
        self.channels.lock().keys().copied().collect()
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
        let mut channels = self.broker.channels.lock();
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

    async fn probe(&self) -> Result<(), BrokerError> {
        // A call in the same process cannot be lost on the way.
        Ok(())
    }
}

impl InProcessConnection {
    /// Unsubscribes from these channels.
    pub(crate) fn remove(&self, which: impl Fn(&Stock) -> bool) {
        self.broker.channels.lock().retain(|stock, subscribers| {
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
