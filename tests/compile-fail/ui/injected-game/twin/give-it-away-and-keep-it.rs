//! In place of the move: a clone of the Arc, which is another owner of the same manager.

use injected_game::GameManager;
use std::{sync::Arc, thread};

pub fn main() {
    let manager = Arc::new(GameManager::new());
    let for_thread = Arc::clone(&manager);
    let game = game::famous().swap_remove(0);
    let added = thread::spawn(move || for_thread.add_game(game));
    assert_eq!(added.join().expect("it does not panic"), Ok(()));
    assert_eq!(manager.games().len(), 1);
}
