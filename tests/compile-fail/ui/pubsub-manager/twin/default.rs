//! In place of `Default`: `start` with the Options, which have one, and `instance` from then on.

mod support;

use std::ptr;

use pubsub_manager::PubSubManager;

pub fn main() {
    let first = support::started();
    let second = PubSubManager::instance().expect("it is started");
    println!("no second: {second:?}");
    assert!(ptr::eq(first, second));
}
