//! In place of the literal: `connect`, which makes the user known.

mod support;

use pubsub_manager::{Connection, UserId};
use support::Quiet;

pub fn main() {
    let user: Connection<Quiet> = support::started()
        .connect(UserId(3), Quiet)
        .expect("the manager works");
    assert_eq!(user.id(), UserId(3));
}
