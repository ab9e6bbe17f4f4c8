//! What a master sends without being asked, and what it confirms.

use crate::{
    Stock,
    broker::{Events, redis::Probes},
    cluster::{Change, Changes},
};
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, Value};
use redis_client::{NodeAddress, slot_of};
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Notify;

/// Receives the pushes of one connection.
pub(super) struct Pushes {
    pub(super) address: NodeAddress,
    prefix: Arc<str>,
    pub(super) events: Arc<Events>,
    changes: Changes,
    /// The channels that are subscribed. The connection's task adds and removes them as the pushes say; an
    /// unsubscribe removes its channels before it is sent.
    pub(super) subscribed: Mutex<HashSet<String>>,
    /// Wakes those that wait for a channel to be subscribed.
    confirmed: Notify,
    pub(super) probes: Probes,
}

impl Pushes {
    pub(super) fn new(
        address: NodeAddress,
        prefix: Arc<str>,
        events: Arc<Events>,
        changes: Changes,
    ) -> Self {
        Self {
            address,
            prefix,
            events,
            changes,
            subscribed: Mutex::default(),
            confirmed: Notify::new(),
            probes: Probes::default(),
        }
    }

    /// The connection's own task calls it, so nothing here waits.
    pub(super) fn receive(&self, push: &PushInfo) {
        if push.kind == PushKind::Disconnection {
            return self.events.lost("the master closed the connection");
        }
        let [Value::BulkString(channel), rest @ ..] = push.data.as_slice() else {
            return;
        };
        let Ok(channel) = str::from_utf8(channel) else {
            return;
        };
        match (&push.kind, rest) {
            (PushKind::SMessage, [Value::BulkString(message)]) => self.message(channel, message),
            (PushKind::SSubscribe, _) => {
                self.subscribed.lock().insert(channel.to_owned());
                self.confirmed.notify_waiters();
            }
            // We did not ask for it, or it would have been removed: another master serves the slot.
            (PushKind::SUnsubscribe, _) if self.subscribed.lock().remove(channel) => {
                let moved = Change::Moved(self.address.clone(), slot_of(channel));
                let _ = self.changes.send(moved);
            }
            _ => {}
        }
    }

    fn message(&self, channel: &str, message: &[u8]) {
        let name = channel.strip_prefix(&*self.prefix).unwrap_or_default();
        match Stock::from_bytes(name.as_bytes()) {
            Ok(stock) => self.events.message(stock, message),
            Err(_) => self.probes.deliver(message),
        }
    }

    /// Waits until all of these are subscribed.
    pub(super) async fn until_subscribed(&self, channels: &[String]) {
        loop {
            // Made before the look, so that a push in between wakes it.
            let confirmed = self.confirmed.notified();
            {
                let subscribed = self.subscribed.lock();
                if channels.iter().all(|channel| subscribed.contains(channel)) {
                    return;
                }
            }
            confirmed.await;
        }
    }

    /// What is said of these from now on is the answer to an unsubscribe.
    pub(super) fn forget(&self, channels: &[String]) {
        let mut subscribed = self.subscribed.lock();
        for channel in channels {
            subscribed.remove(channel);
        }
    }
}
