//! All users of this server, and how many there may be: of all addresses, and of one.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use crate::addresses::{AddressKey, Addresses, network};
use crate::session::Session;

/// The sessions of all users. The manager finds users by the stocks that they subscribe to; here they have
/// a key, which is what the limit, the heartbeat and the drain need. (The heartbeat's test has sessions of
/// its own, without sockets.)
#[derive(Debug)]
pub(crate) struct Sessions<S = Session> {
    /// Written by connecting and leaving users, read by the heartbeat and the drain; never held over an await,
    /// nor while a session is visited.
    state: Mutex<State<S>>,
    max: usize,
    /// Notified when the last user has left.
    empty: Notify,
}

/// One lock for both: a user has a slot and is counted for its address, or neither.
#[derive(Debug)]
struct State<S> {
    /// A slot is `None` while its user's handshake is not finished.
    slots: Slab<Option<Arc<S>>>,
    /// Present if the users of one address are limited.
    addresses: Option<Addresses>,
}

/// Why there is no permit for one more user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server has as many users as it may.
    ServerIsFull,
    /// This address (of IPv6, this network) has as many users as it may.
    AddressIsFull(IpAddr),
}

impl<S> Sessions<S> {
    /// At most `max` users, and at most `max_per_address` of them from one address.
    pub(crate) fn new(max: usize, max_per_address: Option<u32>) -> Self {
        Self {
            state: Mutex::new(State {
                slots: Slab::new(),
                addresses: max_per_address.map(Addresses::new),
            }),
            max,
            empty: Notify::new(),
        }
    }

    /// Gives a permit for one more user. The client's address is looked up only if it is limited.
    pub(crate) fn permit(
        &'static self,
        client: impl FnOnce() -> IpAddr,
    ) -> Result<SessionPermit<S>, Refusal> {
        let mut state = self.state.lock();
        let State { slots, addresses } = &mut *state;
        let key = u32::try_from(slots.vacant_key());
        let Some(key) = key.ok().filter(|_| slots.len() < self.max) else {
            return Err(Refusal::ServerIsFull);
        };
        // The last thing that can fail: from here on the permit gives back what was counted.
        let address = match addresses {
            Some(addresses) => {
                let client = client();
                let counted = addresses.add(client);
                counted.ok_or_else(|| Refusal::AddressIsFull(network(client)))?
            }
            None => AddressKey::default(),
        };
        slots.insert(None);
        Ok(SessionPermit {
            sessions: self,
            key,
            address,
        })
    }

    /// How many permits are in use.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().slots.len()
    }

    /// The sessions in `count` slots from `start`. They are cloned, so that the lock is free while they are
    /// visited: a visited session may end, and its end takes the lock.
    pub(crate) fn slice(&self, start: usize, count: usize) -> Vec<Arc<S>> {
        let state = self.state.lock();
        let keys = start..start.saturating_add(count).min(state.slots.capacity());
        keys.filter_map(|key| state.slots.get(key).cloned().flatten())
            .collect()
    }

    /// How many slots there are, with a session in them or not.
    pub(crate) fn slots(&self) -> usize {
        self.state.lock().slots.capacity()
    }

    /// Waits until no permit is in use.
    pub(crate) async fn emptied(&self) {
        while self.len() > 0 {
            self.empty.notified().await;
        }
    }
}

/// The right to be one of this server's users, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SessionPermit<S: 'static = Session> {
    sessions: &'static Sessions<S>,
    key: u32,
    /// Unused while the users of one address are not limited: the permit is two words in any case.
    address: AddressKey,
}

impl<S> SessionPermit<S> {
    /// From now on the user is sent pings and, at the drain, a close frame.
    pub(crate) fn register(&self, session: &Arc<S>) {
        let mut state = self.sessions.state.lock();
        if let Some(slot) = state.slots.get_mut(self.key as usize) {
            *slot = Some(Arc::clone(session));
        }
    }
}

impl<S: 'static> Drop for SessionPermit<S> {
    fn drop(&mut self) {
        let mut state = self.sessions.state.lock();
        state.slots.try_remove(self.key as usize);
        if let Some(addresses) = &mut state.addresses {
            addresses.remove(self.address);
        }
        if state.slots.is_empty() {
            self.sessions.empty.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn sessions(max: usize, max_per_address: Option<u32>) -> &'static Sessions {
        Box::leak(Box::new(Sessions::new(max, max_per_address)))
    }

    #[test]
    fn an_address_at_its_limit_is_refused_and_another_one_gets_a_permit() {
        let sessions = sessions(10, Some(1));
        let permit = sessions.permit(|| ONE).unwrap();
        let refused = sessions.permit(|| ONE).unwrap_err();
        assert_eq!(refused, Refusal::AddressIsFull(ONE));
        let _other = sessions.permit(|| OTHER).unwrap();
        drop(permit);
        sessions.permit(|| ONE).unwrap();
    }

    #[test]
    fn a_refused_user_is_not_counted_for_the_server_nor_for_its_address() {
        let sessions = sessions(2, Some(1));
        let one = sessions.permit(|| ONE).unwrap();
        assert!(sessions.permit(|| ONE).is_err());
        assert_eq!(sessions.len(), 1);
        let _other = sessions.permit(|| OTHER).unwrap();
        let refused = sessions.permit(|| ONE).unwrap_err();
        assert_eq!(refused, Refusal::ServerIsFull);
        drop(one);
        sessions.permit(|| ONE).unwrap();
    }

    #[test]
    fn a_user_whose_task_panics_gives_its_permit_back() {
        let sessions = sessions(10, Some(1));
        let task = AssertUnwindSafe(|| {
            let _permit = sessions.permit(|| ONE).unwrap();
            panic!("this test breaks it on purpose");
        });
        assert!(catch_unwind(task).is_err());
        assert_eq!(sessions.len(), 0);
        sessions.permit(|| ONE).unwrap();
    }

    #[test]
    fn without_a_limit_no_address_is_looked_up() {
        let sessions = sessions(10, None);
        let permit = sessions.permit(|| panic!("no address is needed"));
        assert!(permit.is_ok());
    }

    #[test]
    fn a_permit_is_two_words() {
        assert_eq!(size_of::<SessionPermit>(), 2 * size_of::<usize>());
    }
}
