//! What a manager reads, and what it reports of the broker.

use super::Hub;
use crate::{
    Dirty, Feed, HubEvent, Price, Stock, price::BadPrice, stats::count, user::UserChannel,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tokio::join;

impl Hub {
    /// Keeps a price from the broker for the fan-out. It never blocks.
    pub fn price(&self, stock: Stock, price: Price) {
        count(&self.counters().messages_in, 1);
        self.fan_out.pending.price(stock, price);
    }

    /// A message on a stock's channel was not a price: the stock is stale until its next price.
    pub fn invalid(&self, stock: Stock, error: &BadPrice) {
        self.fan_out.pending.invalid(stock);
        self.count_invalid(|| format!("on the channel of {stock}: {error}"));
    }

    /// Whether this server has a price of the stock for the next user who subscribes.
    pub fn knows_price(&self, stock: &Stock) -> bool {
        let channel = self.registry.channels.get(stock);
        channel.is_some_and(|channel| channel.lock().last.is_some())
    }

    /// The last price that the broker has stored, read after it confirmed the channel, for the stock's
    /// first users. It counts only if this server has relayed no price of the stock since it has users,
    /// and none waits: whatever came was published after the stored price, or is that price.
    pub fn stored_price(&self, stock: Stock, price: Price) {
        self.fan_out.pending.stored(stock, price);
    }

    /// What the broker has stored as a stock's last price is not a price. The stock does not become stale
    /// by it, because its users were sent nothing that could be old.
    pub fn invalid_stored_price(&self, stock: Stock, error: &BadPrice) {
        self.count_invalid(|| format!("stored as the last price of {stock}: {error}"));
    }

    fn count_invalid(&self, latest: impl FnOnce() -> String) {
        count(&self.counters().invalid_messages, 1);
        if let Some(messages) = self.invalid_messages.count() {
            let latest = latest();
            tracing::warn!(events = messages, latest, "messages that are not prices");
            self.emit(|| HubEvent::InvalidMessages { messages, latest });
        }
    }

    /// Prices come from the broker.
    pub fn go_live(&self) {
        if self.set_feed(Feed::Live) {
            // The same reason is news again after this.
            self.stale_because.lock().clear();
            tracing::info!("live");
            self.emit(|| HubEvent::Live);
        }
    }

    /// Counts a connection to the broker that was lost.
    pub fn count_reconnect(&self) {
        count(&self.counters().reconnects, 1);
    }

    /// No price comes from the broker and no channel is confirmed. `reason` is a sentence for the log.
    pub fn go_stale(&self, reason: &str) {
        self.counters().channels_confirmed.store(0, Relaxed);
        self.set_feed(Feed::Stale);
        // Attempts fail once a second while a broker is down; only a new reason is reported. The lock is
        // released before the listener is called, because its code is the caller's.
        let is_news = {
            let mut because = self.stale_because.lock();
            let is_news = *because != reason;
            if is_news {
                reason.clone_into(&mut because);
            }
            is_news
        };
        if is_news {
            // A disconnect that was asked for needs no warning.
            if self.is_closed() {
                tracing::info!(reason, "stale");
            } else {
                tracing::warn!(reason, "stale");
            }
            self.emit(|| HubEvent::Stale {
                reason: reason.to_owned(),
            });
        }
    }

    /// Returns whether the feed was in the other state before; then all users are sent the new one.
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
        // Its last user may have unsubscribed, and the channel may be forgotten, while the broker
        // answered.
        if let Some(channel) = self.registry.channels.get(&stock) {
            let again = channel.set_confirmed(true);
            self.set_unconfirmed(channel, false);
            self.emit(|| HubEvent::Subscribed { stock, again });
        }
    }

    /// The broker is late to confirm the channel: its users are sent `stale`, once.
    pub fn unconfirmed(&self, stock: Stock) {
        if let Some(channel) = self.registry.channels.get(&stock) {
            self.set_unconfirmed(channel, true);
        }
    }

    /// The broker refuses the channel; `reason` is in its words.
    pub fn refused(&self, stock: Stock, reason: &str) {
        count(&self.counters().refusals, 1);
        self.unconfirmed(stock);
        if let Some(events) = self.refused_channels.count() {
            let latest = format!("{stock}: {reason}");
            tracing::warn!(events, latest, "the broker refuses channels");
        }
        self.emit(|| HubEvent::Refused {
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
    pub fn unsubscribed(&self, stock: Stock) {
        self.counters().channels_confirmed.fetch_sub(1, Relaxed);
        // A user may have subscribed meanwhile: then the channel is kept.
        if let Some(channel) = self.registry.channels.get(&stock) {
            channel.set_confirmed(false);
        }
        self.emit(|| HubEvent::Unsubscribed { stock });
    }

    /// The broker ended the channel's subscription: its users are sent `stale`.
    pub fn subscription_lost(&self, stock: Stock) {
        // `go_stale` may have counted none already.
        let confirmed = &self.counters().channels_confirmed;
        let _ = confirmed.fetch_update(Relaxed, Relaxed, |confirmed| confirmed.checked_sub(1));
        self.unconfirmed(stock);
        self.forget(&stock);
    }

    /// One of the broker's nodes was lost, and with it the subscriptions to as many channels.
    pub fn node_lost(&self, node: &impl ToString, reason: &impl ToString, channels: usize) {
        self.count_reconnect();
        let (node, reason) = (node.to_string(), reason.to_string());
        tracing::warn!(node, reason, channels, "lost a node of the broker");
        self.emit(|| HubEvent::NodeLost {
            node,
            reason,
            channels,
        });
    }

    /// Whether the stock has users.
    pub fn is_wanted(&self, stock: &Stock) -> bool {
        self.registry.channels.is_wanted(stock)
    }

    /// Which stocks to compare: those whose first user subscribed or whose last user unsubscribed.
    pub fn dirty(&self) -> &Dirty {
        &self.registry.dirty
    }

    /// Forgets a stock without users; one that has some again is kept.
    pub fn forget(&self, stock: &Stock) {
        self.registry.channels.forget(stock);
    }

    /// How many stocks take up memory here: those with users, and those that are not forgotten yet.
    pub fn channels_known(&self) -> usize {
        self.registry.channels.len()
    }

    /// Forgets all stocks without users, and returns the others.
    pub fn forget_unwanted(&self) -> Vec<Stock> {
        self.registry.channels.forget_unwanted()
    }

    /// Sends what waits to the users, each price or at their pace, until the task that calls it is dropped.
    pub async fn fan_out(&self) {
        // In one task: a panic of either ends both, and users with a pace cost no wake-up of a second one.
        join!(self.fan_out.run(), self.pacing.run());
    }

    /// Sends a slice of what waits, and returns to how many users.
    pub fn run_slice(&self) -> usize {
        self.fan_out.run_slice()
    }

    /// Sends what waits now, also to users whose turn it is not, and returns.
    pub async fn flush(&self) {
        self.fan_out.flush().await;
        self.pacing.flush().await;
    }
}
