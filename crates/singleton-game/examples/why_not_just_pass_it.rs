//! Why not just pass it? Where you can, do: no static, no `instance()`, and a test can have its own.

use std::sync::{Arc, Mutex, PoisonError};

fn main() {
    let games = Arc::new(Mutex::new(Vec::new()));
    let logger = {
        let games = Arc::clone(&games);
        move || games.lock().unwrap_or_else(PoisonError::into_inner).len()
    };
    let mut list = games.lock().unwrap_or_else(PoisonError::into_inner);
    list.extend(game::famous());
    drop(list);
    println!(
        "the logger was handed the same list and sees {} games",
        logger()
    );
}
