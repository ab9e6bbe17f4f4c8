//! In place of a stock for a user who has left: who comes back is connected again.

mod support;

use pubsub_manager::{Stock, UserId};
use support::Quiet;

pub fn main() {
    let manager = support::started();
    let stock: Stock = "BACK".parse().expect("the name of a stock");
    let user = manager.connect(UserId(5), Quiet).expect("it works");
    drop(user);
    let user = manager.connect(UserId(5), Quiet).expect("it works");
    let followed = manager.user_subscribe(&user, stock);
    assert_eq!(followed, Ok(()));
}
