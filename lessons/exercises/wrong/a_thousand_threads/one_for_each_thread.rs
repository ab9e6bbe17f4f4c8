// refused by: a_thousand_threads_load_once

use std::sync::OnceLock;

pub struct GameManager {
    pub games: Vec<String>,
}

thread_local! {
    static INSTANCE: OnceLock<&'static GameManager> = const { OnceLock::new() };
}

pub fn instance(load: impl FnOnce() -> Vec<String>) -> &'static GameManager {
    INSTANCE.with(|instance| {
        *instance.get_or_init(|| Box::leak(Box::new(GameManager { games: load() })))
    })
}

fn main() {
    let manager = instance(|| vec!["opera-1858".to_string()]);
    println!("games: {:?}", manager.games);
}
