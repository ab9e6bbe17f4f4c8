//! In place of a connection of one's own to the broker: one to the manager, which has that for all.

mod support;

use pubsub_manager::{Stock, UserId};
use support::Quiet;

pub fn main() {
    let manager = support::started();
    let stock: Stock = "LINK".parse().expect("the name of a stock");
    let one = manager.connect(UserId(1), Quiet).expect("it works");
    let another = manager.connect(UserId(2), Quiet).expect("it works");
    manager.user_subscribe(&one, stock).expect("it works");
    manager.user_subscribe(&another, stock).expect("it works");
    let stats = manager.stats();
    let followed = stats.stocks.iter().find(|entry| entry.stock == stock);
    assert_eq!(followed.map(|entry| entry.users), Some(2));
}
