//! In place of the move: the reference stays where it is lent, also across threads.

mod support;

use std::{ptr, thread};

use pubsub_manager::PubSubManager;

pub fn main() {
    let shared = support::started();
    let elsewhere = thread::spawn(PubSubManager::instance).join();
    let elsewhere = elsewhere.expect("no panic").expect("it is started");
    assert!(ptr::eq(shared, elsewhere));
}
