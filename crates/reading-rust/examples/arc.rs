//! An `Arc` is one value with several owners. A clone copies the pointer, and the last owner frees it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

fn main() {
    let games = Arc::new(Mutex::new(Vec::new()));
    let for_thread = Arc::clone(&games);
    println!("owners: {}", Arc::strong_count(&games));
    let thread = thread::spawn(move || {
        let mut games = for_thread.lock().unwrap_or_else(PoisonError::into_inner);
        games.push("opera-1858");
    });
    thread.join().expect("the thread only adds a game");
    println!("owners: {}", Arc::strong_count(&games));
    let games = games.lock().unwrap_or_else(PoisonError::into_inner);
    println!("games: {}", games.len());
}
