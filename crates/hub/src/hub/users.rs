//! What users do.

use super::Hub;
use crate::{
    Connection, Disconnected, Feed, FeedMessage, Pace, Socket, Stock, SubscribeError, UserId,
    frames::Frames, pace::Mode,
};
use std::sync::Arc;

impl Hub {
    /// Registers a user, and sends it the status of the feed.
    ///
    /// # Errors
    /// The hub is closed.
    pub fn connect<S: Socket>(
        &self,
        user: UserId,
        socket: S,
    ) -> Result<Connection<S>, Disconnected> {
        self.connect_at_pace(user, socket, None)
    }

    /// The same, for a user that is sent prices once in an interval at most: the newest of each of its stocks
    /// that changed, in one write, each with how many it missed. Replies, the last price on subscribing and
    /// statuses are sent at once, as to a user without a pace. The intervals of different users begin at
    /// different moments, spread evenly.
    ///
    /// # Errors
    /// The hub is closed.
    pub fn connect_at_pace<S: Socket>(
        &self,
        user: UserId,
        socket: S,
        pace: Option<Pace>,
    ) -> Result<Connection<S>, Disconnected> {
        self.open()?;
        let connection = Connection::new(user, socket, Mode::of(pace), &self.registry);
        if let Some(pace) = pace {
            self.pacing.add(&connection.user(), pace);
        }
        Ok(connection)
    }

    /// Subscribes the user to the stock: it is sent `subscribed`, and the last price if this server has
    /// one, or when the manager reports a [stored one](Self::stored_price). A second call is only
    /// acknowledged.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe<S: Socket>(
        &self,
        connection: &Connection<S>,
        stock: Stock,
    ) -> Result<(), SubscribeError> {
        self.open()?;
        let delivery = &self.registry.delivery;
        let (user, most) = (connection.user(), self.stocks_per_user);
        // Held to the end: a price that is fanned out meanwhile waits, and so comes after `subscribed`.
        let mut state = user.lock();
        let mut frames = Frames::default();
        frames.push(
            delivery.encoder(),
            &FeedMessage::Subscribed { stock: &stock },
        );
        if state.is_open() && state.position_of(&stock).is_none() {
            if state.subscriptions.len() >= most {
                return Err(SubscribeError::TooManyStocks { stock, most });
            }
            let (subscription, last) =
                self.registry
                    .subscribe(Arc::clone(&user), state.mode, stock);
            let feed = state.subscribe(subscription);
            if let Some(price) = &last {
                let message = FeedMessage::Price {
                    stock: &stock,
                    price,
                    last: true,
                    missed: 0,
                };
                frames.push(delivery.encoder(), &message);
            }
            if feed == Feed::Stale {
                let stock = Some(&stock);
                frames.push(delivery.encoder(), &FeedMessage::Status { feed, stock });
            }
        }
        user.reply(&mut state, frames.bytes(), delivery);
        Ok(())
    }

    /// Unsubscribes the user from the stock: it is sent `unsubscribed`, and no price of the stock after
    /// that. Without a subscription the call is only acknowledged.
    ///
    /// # Errors
    /// The hub is closed.
    pub fn unsubscribe<S: Socket>(
        &self,
        connection: &Connection<S>,
        stock: &Stock,
    ) -> Result<(), Disconnected> {
        self.open()?;
        let delivery = &self.registry.delivery;
        let user = connection.user();
        let mut state = user.lock();
        if let Some(at) = state.position_of(stock) {
            let subscription = state.subscriptions.swap_remove(at);
            self.registry
                .unsubscribe(user.id, state.mode, &subscription);
        }
        let mut frames = Frames::default();
        frames.push(delivery.encoder(), &FeedMessage::Unsubscribed { stock });
        user.reply(&mut state, frames.bytes(), delivery);
        Ok(())
    }

    fn open(&self) -> Result<(), Disconnected> {
        if self.is_closed() {
            Err(Disconnected)
        } else {
            Ok(())
        }
    }
}
