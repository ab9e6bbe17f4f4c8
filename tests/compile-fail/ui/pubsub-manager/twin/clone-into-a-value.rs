//! In place of the clone: the reference, which can be copied as often as one likes.

mod support;

use std::ptr;

use pubsub_manager::PubSubManager;

pub fn main() {
    let first = support::started();
    let second: &PubSubManager = first;
    println!("no second: {second:?}");
    assert!(ptr::eq(first, second));
}
