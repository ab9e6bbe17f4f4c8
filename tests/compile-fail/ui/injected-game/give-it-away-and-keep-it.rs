//~ E0382
//! Tried: handing the manager to another thread, and using it here as well.
//! Refused: what was moved into the thread is not here any more; an Arc is cloned for each owner.
//! Mutation: here: `let for_thread = manager;` => `let for_thread = Arc::clone(&manager);`

use injected_game::GameManager;
use std::{sync::Arc, thread};

fn main() {
    let manager = Arc::new(GameManager::new());
    let for_thread = manager;
    let seen = thread::spawn(move || for_thread.games().len());
    println!("{} here, {:?} there", manager.games().len(), seen.join());
}
