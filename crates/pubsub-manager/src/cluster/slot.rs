//! One slot: its stocks, and its subscriber on the connection to its master.

use super::Master;
use crate::{
    Stock,
    broker::{BrokerConnection, BrokerError, StoredPrice},
    subscriber::{REPLY_TIMEOUT, Subscriber},
};
use hub::{Dirty, Hub};
use parking_lot::Mutex;
use program::within;
use std::{collections::HashSet, mem, sync::Arc, time::Duration};
use tokio::{select, sync::Notify};

/// A slot in which stocks are wanted.
#[derive(Default)]
pub(super) struct Slot {
    /// The stocks that had users when they were compared last.
    pub(super) stocks: HashSet<Stock>,
    /// The connection of its subscriber; none if the slot waits for its master.
    pub(super) connection: Option<Arc<SlotConnection>>,
}

impl Slot {
    /// Sends `stale` to the users of its stocks.
    pub(super) fn unconfirmed(&self, hub: &Hub) {
        self.stocks.iter().for_each(|stock| hub.unconfirmed(*stock));
    }
}

/// A slot's part of the connection to its master.
pub(super) struct SlotConnection {
    master: Arc<Master>,
    /// The stocks of this slot that its subscriber has to compare.
    pub(super) dirty: Dirty,
    /// Set if another master serves the slot.
    moved: Notify,
    /// What was asked for and is not answered. A subscribe that is given up may still take effect.
    asked: Mutex<Vec<Stock>>,
}

impl SlotConnection {
    pub(super) fn new(master: Arc<Master>) -> Self {
        Self {
            master,
            dirty: Dirty::default(),
            moved: Notify::new(),
            asked: Mutex::default(),
        }
    }

    pub(super) fn master(&self) -> &Master {
        &self.master
    }

    /// Another master serves the slot.
    pub(super) fn end(&self) {
        self.moved.notify_one();
    }

    /// Runs the slot's subscriber until the slot is moved or its master is lost. Returns whether any of
    /// its stocks was subscribed, whose users are then sent `stale`.
    pub(super) async fn subscribe_to(
        &self,
        hub: &Hub,
        wanted: HashSet<Stock>,
        unsubscribe_delay: Duration,
        answered: impl FnOnce(),
    ) -> bool {
        let mut subscriber = Subscriber::new(hub, &self.dirty, self, wanted, unsubscribe_delay);
        select! {
            biased;
            _ = self.master.until_lost() => {}
            () = self.moved.notified() => {}
            _ = subscriber.run(answered) => {}
        }
        let Subscriber {
            subscribed, due, ..
        } = subscriber;
        for stock in &subscribed {
            hub.subscription_lost(*stock);
        }
        // Only the end of the connection ends a subscription of which nobody knows any more. So if the
        // connection stays, this follows all that was asked over it.
        let mut stocks = mem::take(&mut *self.asked.lock());
        stocks.extend(&subscribed);
        select! {
            // Looked at first: a master that is lost reports how many channels it had, and an unsubscribe
            // would take these away.
            biased;
            _ = self.master.until_lost() => {}
            _ = within(REPLY_TIMEOUT, self.master.unsubscribe(&stocks)) => {}
        }
        // No subscriber is left that compares these and forgets those that no user wants.
        due.into_keys()
            .chain(self.dirty.take())
            .for_each(|stock| hub.forget(&stock));
        !subscribed.is_empty()
    }
}

impl BrokerConnection for SlotConnection {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        *self.asked.lock() = stocks.to_vec();
        let answer = self.master.subscribe(stocks).await;
        if answer.is_ok() {
            self.asked.lock().clear();
        }
        answer
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        self.master.unsubscribe(stocks).await
    }

    async fn last_prices(&self, stocks: &[Stock]) -> Result<Vec<StoredPrice>, BrokerError> {
        self.master.last_prices(stocks).await
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        // The master was seen to deliver when it was connected to, and is probed for all of its slots.
        Ok(())
    }
}
