//! In place of the clone: an Arc, so that the user leaves when the last holder has let go.

mod support;

use std::sync::Arc;

use hub::UserId;
use support::Quiet;

pub fn main() {
    let hub = support::hub();
    let once = Arc::new(hub.connect(UserId(4), Quiet).expect("the hub is open"));
    let twice = Arc::clone(&once);
    drop(once);
    assert_eq!((twice.id(), hub.stats().users), (UserId(4), 1));
}
