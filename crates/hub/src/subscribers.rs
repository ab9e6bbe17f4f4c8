//! Users in a list that can be walked in slices while others are added and removed.

/// Users, or handles to them, in no order, each at a position that its key names.
///
/// Adding, removing and taking the next slice cost the same however many users there are. The users
/// are next to each other in memory, so that a fan-out reads it in a straight line. The last user
/// moves to the position of a user that is removed, and that is why a walk goes from the end to the
/// front: a user that moves was visited already, so none is skipped, and a second visit finds nothing
/// to send.
///
/// indexmap's map would do the same for about a quarter of a KiB more for a user with ten stocks.
pub(crate) struct Subscribers<T> {
    users: Vec<T>,
    /// The key of each user, in the same order: whose position to correct when a user moves.
    keys: Vec<SubscriberKey>,
    /// The position of the user with this key, or the next free key.
    positions: Vec<u32>,
    free: Option<SubscriberKey>,
}

/// Names one user of one list until it is removed: 4 bytes, kept by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubscriberKey(u32);

/// The end of the chain of free keys.
const NONE: u32 = u32::MAX;

impl<T> Default for Subscribers<T> {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            keys: Vec::new(),
            positions: Vec::new(),
            free: None,
        }
    }
}

impl<T> Subscribers<T> {
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn add(&mut self, user: T) -> SubscriberKey {
        let position =
            u32::try_from(self.users.len()).expect("memory ends long before four billion users");
        let key = match self.free {
            Some(key) => {
                let next = std::mem::replace(&mut self.positions[key.index()], position);
                self.free = (next != NONE).then_some(SubscriberKey(next));
                key
            }
            None => {
                push(&mut self.positions, position);
                let newest = u32::try_from(self.positions.len() - 1);
                SubscriberKey(newest.expect("there are no more keys than users"))
            }
        };
        push(&mut self.users, user);
        push(&mut self.keys, key);
        key
    }

    /// Removes the user with this key. A key is good for one removal.
    pub(crate) fn remove(&mut self, key: SubscriberKey) {
        let next_free = self.free.map_or(NONE, |free| free.0);
        let position = std::mem::replace(&mut self.positions[key.index()], next_free) as usize;
        self.free = Some(key);
        self.users.swap_remove(position);
        self.keys.swap_remove(position);
        if let Some(moved) = self.keys.get(position) {
            self.positions[moved.index()] =
                u32::try_from(position).expect("it was made from a u32");
        }
        if self.users.is_empty() {
            *self = Self::default();
        } else if self.users.len() < self.users.capacity() / 4 {
            // A stock that was popular for an hour does not keep that hour's memory.
            self.users.shrink_to(2 * self.users.len());
            self.keys.shrink_to(2 * self.keys.len());
        }
    }

    /// Fills `slice` with the users just before `end`, and returns where the next slice ends.
    pub(crate) fn slice(&self, end: usize, most: usize, slice: &mut Vec<T>) -> usize
    where
        T: Clone,
    {
        let end = end.min(self.users.len());
        let start = end.saturating_sub(most);
        slice.extend(self.users[start..end].iter().rev().cloned());
        start
    }
}

/// Grows by a quarter where a `Vec` would double: with a thousand stocks of some hundred users
/// each, capacity that is not used is most of what a subscription costs.
fn push<T>(list: &mut Vec<T>, one: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 1);
    }
    list.push(one);
}

impl SubscriberKey {
    fn index(self) -> usize {
        self.0 as usize
    }
}
