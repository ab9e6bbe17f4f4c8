// refused by: a_thousand_threads_load_once

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct GameManager {
    pub games: Vec<String>,
}

static INSTANCE: OnceLock<GameManager> = OnceLock::new();

static MADE: AtomicBool = AtomicBool::new(false);

pub fn instance(load: impl FnOnce() -> Vec<String>) -> &'static GameManager {
    if !MADE.load(Ordering::SeqCst) {
        let games = load();
        let _ = INSTANCE.set(GameManager { games });
        MADE.store(true, Ordering::SeqCst);
    }
    INSTANCE.get().expect("it was set above")
}

fn main() {
    let manager = instance(|| vec!["opera-1858".to_string()]);
    println!("games: {:?}", manager.games);
}
