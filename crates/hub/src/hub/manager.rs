//! What a manager reads, and what it reports of the broker.

use super::Hub;
use crate::{Dirty, Event, Feed, Price, Stock, price::BadPrice, stats::count, user::UserChannel};
use std::sync::{Arc, atomic::Ordering::Relaxed};

impl Hub {
    /// A price came from the broker. It waits for the fan-out; this never blocks.
    pub fn price(&self, stock: Stock, price: Price) {
        count(&self.counters().messages_in, 1);
        self.fan_out.pending.price(stock, price);
    }

    /// A message on a stock's channel was not a price: the stock is stale until its next price.
    pub fn invalid(&self, stock: Stock, error: &BadPrice) {
        count(&self.counters().invalid_messages, 1);
        self.fan_out.pending.invalid(stock);
        if let Some(messages) = self.invalid_messages.count() {
            let latest = format!("on the channel of {stock}: {error}");
            tracing::warn!(events = messages, latest, "messages that are not prices");
            self.emit(|| Event::InvalidMessages { messages, latest });
        }
    }

    /// Prices come from the broker.
    pub fn go_live(&self) {
        if self.set_feed(Feed::Live) {
            self.stale_because.lock().clear();
            tracing::info!("live");
            self.emit(|| Event::Live);
        }
    }

    /// A connection to the broker was lost, and is made again.
    pub fn count_reconnect(&self) {
        count(&self.counters().reconnects, 1);
    }

    /// No price comes from the broker and no channel is confirmed, for this reason.
    pub fn go_stale(&self, reason: &str) {
        self.counters().channels_confirmed.store(0, Relaxed);
        self.set_feed(Feed::Stale);
        // A failed attempt each second is reported only when its reason is another one.
        let is_news = {
            let mut because = self.stale_because.lock();
            let is_news = *because != reason;
            if is_news {
                reason.clone_into(&mut because);
            }
            is_news
        };
        if is_news {
            if self.is_closed() {
                tracing::info!(reason, "stale");
            } else {
                tracing::warn!(reason, "stale");
            }
            self.emit(|| Event::Stale {
                reason: reason.to_owned(),
            });
        }
    }

    /// Returns whether that is news.
    fn set_feed(&self, feed: Feed) -> bool {
        let is_news = self.registry.delivery.set_feed(feed);
        if is_news {
            self.fan_out.feed_changed();
        }
        is_news
    }

    /// The broker confirmed the channel.
    pub fn confirmed(&self, stock: Stock) {
        count(&self.counters().channels_confirmed, 1);
        // Its last user may have left, and the channel may be forgotten, while the broker answered.
        if let Some(channel) = self.registry.channels.get(&stock) {
            let again = channel.set_confirmed(true);
            self.set_unconfirmed(channel, false);
            self.emit(|| Event::Subscribed { stock, again });
        }
    }

    /// The broker has not confirmed the channel yet, and its users should know.
    pub fn unconfirmed(&self, stock: Stock) {
        if let Some(channel) = self.registry.channels.get(&stock) {
            self.set_unconfirmed(channel, true);
        }
    }

    /// The broker refuses the channel.
    pub fn refused(&self, stock: Stock, reason: &str) {
        count(&self.counters().refusals, 1);
        self.unconfirmed(stock);
        if let Some(events) = self.refused_channels.count() {
            let latest = format!("{stock}: {reason}");
            tracing::warn!(events, latest, "the broker refuses channels");
        }
        self.emit(|| Event::Refused {
            stock,
            reason: reason.to_owned(),
        });
    }

    fn set_unconfirmed(&self, channel: Arc<UserChannel>, unconfirmed: bool) {
        if channel.set_unconfirmed(unconfirmed) {
            self.fan_out.stock_changed(channel);
        }
    }

    /// The broker confirmed that this server is not subscribed to the channel any more.
    pub fn left(&self, stock: Stock) {
        self.counters().channels_confirmed.fetch_sub(1, Relaxed);
        // It may have a user again by now, and is not forgotten then.
        if let Some(channel) = self.registry.channels.get(&stock) {
            channel.set_confirmed(false);
        }
        self.emit(|| Event::Unsubscribed { stock });
    }

    /// Whether the stock has users.
    pub fn is_wanted(&self, stock: &Stock) -> bool {
        self.registry.channels.is_wanted(stock)
    }

    /// Where to look: the stocks whose first user came or whose last user left.
    pub fn dirty(&self) -> &Dirty {
        &self.registry.dirty
    }

    /// Forgets a stock without users; one that has some again is kept.
    pub fn forget(&self, stock: &Stock) {
        self.registry.channels.forget(stock);
    }

    /// How many stocks take up memory here: those with users, and those that were not forgotten yet.
    pub fn channels_known(&self) -> usize {
        self.registry.channels.len()
    }

    /// Forgets all stocks without users, and returns the others.
    pub fn forget_unwanted(&self) -> Vec<Stock> {
        self.registry.channels.forget_unwanted()
    }

    /// Sends what waits to the users, until the task that calls it is dropped.
    pub async fn fan_out(&self) {
        self.fan_out.run().await;
    }

    /// Sends a slice of what waits, and returns to how many users.
    pub fn run_slice(&self) -> usize {
        self.fan_out.run_slice()
    }

    /// Sends what waits now, and returns.
    pub async fn flush(&self) {
        self.fan_out.flush().await;
    }
}
