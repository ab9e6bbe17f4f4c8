//! Looks like one manager for each thread.
//! Is not: what is copied into each of them is the reference.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let here = GameManager::instance();
    std::thread::scope(|threads| {
        for _ in 0..100 {
            threads.spawn(move || assert!(ptr::eq(here, GameManager::instance())));
        }
    });
}
