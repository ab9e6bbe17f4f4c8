// refused by: a_thousand_threads_load_once

use std::sync::OnceLock;

pub struct GameManager {
    pub games: Vec<String>,
}

static INSTANCE: OnceLock<GameManager> = OnceLock::new();

pub fn instance(load: impl FnOnce() -> Vec<String>) -> &'static GameManager {
    std::thread::sleep(std::time::Duration::from_millis(20));
    if INSTANCE.get().is_none() {
        let games = load();
        let _ = INSTANCE.set(GameManager { games });
    }
    INSTANCE.get().expect("it was set above")
}

fn main() {
    let manager = instance(|| vec!["opera-1858".to_string()]);
    println!("games: {:?}", manager.games);
}
