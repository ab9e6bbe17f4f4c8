//! In place of the clone: an Arc, so that the user leaves when the last holder has let go.

mod support;

use std::sync::Arc;

use pubsub_manager::UserId;
use support::Quiet;

pub fn main() {
    let user = support::started().connect(UserId(4), Quiet);
    let once = Arc::new(user.expect("the manager works"));
    let twice = Arc::clone(&once);
    drop(once);
    assert_eq!(twice.id(), UserId(4));
}
