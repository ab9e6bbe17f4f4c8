//! In place of the literal: `connect`, which registers the user.

mod support;

use hub::{Connection, UserId};
use support::Quiet;

pub fn main() {
    let hub = support::hub();
    let user: Connection<Quiet> = hub.connect(UserId(3), Quiet).expect("the hub is open");
    assert_eq!((user.id(), hub.stats().users), (UserId(3), 1));
}
