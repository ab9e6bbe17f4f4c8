//! Users in a list that can be walked in slices while others come and go.

use crate::user::User;
use std::sync::Arc;

/// Users in no order, each at a seat that its ticket names.
///
/// Coming, leaving and the next slice cost the same whoever else is here. The users stand close
/// together, so that a relay reads memory in a straight line; a leaver's place is taken by the
/// last in the row, which is why a walk goes from the end to the front: whoever moves has been
/// visited already, nobody is passed over, and a second visit finds nothing to tell.
#[derive(Default)]
pub(crate) struct Roster {
    users: Vec<Arc<User>>,
    /// The ticket of each user, in the same order: whose seat to correct when a user moves.
    tickets: Vec<Ticket>,
    /// Where the user with this ticket stands, or the next free ticket.
    seats: Vec<u32>,
    free: Option<Ticket>,
}

/// Names one user of one roster for as long as it stays: 4 bytes, kept by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u32);

/// The end of the chain of free tickets.
const NONE: u32 = u32::MAX;

impl Roster {
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub(crate) fn add(&mut self, user: Arc<User>) -> Ticket {
        let seat =
            u32::try_from(self.users.len()).expect("memory ends long before four billion users");
        let ticket = match self.free {
            Some(ticket) => {
                let next = std::mem::replace(&mut self.seats[ticket.index()], seat);
                self.free = (next != NONE).then_some(Ticket(next));
                ticket
            }
            None => {
                push(&mut self.seats, seat);
                Ticket(
                    u32::try_from(self.seats.len() - 1)
                        .expect("there are no more tickets than users"),
                )
            }
        };
        push(&mut self.users, user);
        push(&mut self.tickets, ticket);
        ticket
    }

    /// Takes the user with this ticket out. A ticket is good for one removal.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        let next_free = self.free.map_or(NONE, |free| free.0);
        let seat = std::mem::replace(&mut self.seats[ticket.index()], next_free) as usize;
        self.free = Some(ticket);
        self.users.swap_remove(seat);
        self.tickets.swap_remove(seat);
        if let Some(moved) = self.tickets.get(seat) {
            self.seats[moved.index()] = u32::try_from(seat).expect("it was made from a u32");
        }
        if self.users.is_empty() {
            *self = Self::default();
        } else if self.users.len() < self.users.capacity() / 4 {
            // A stock that was hot for an hour does not keep that hour's memory.
            self.users.shrink_to(2 * self.users.len());
            self.tickets.shrink_to(2 * self.tickets.len());
        }
    }

    /// Fills `slice` with the users just before `end`, and returns where the next slice ends.
    pub(crate) fn slice(&self, end: usize, most: usize, slice: &mut Vec<Arc<User>>) -> usize {
        let end = end.min(self.users.len());
        let start = end.saturating_sub(most);
        slice.extend(self.users[start..end].iter().rev().cloned());
        start
    }
}

/// Grows by a quarter where a `Vec` would double: with a thousand stocks of some hundred users
/// each, the room that nobody has taken is what a follow costs most.
fn push<T>(list: &mut Vec<T>, one: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 1);
    }
    list.push(one);
}

impl Ticket {
    fn index(self) -> usize {
        self.0 as usize
    }
}
