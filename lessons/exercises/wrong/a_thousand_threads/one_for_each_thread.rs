// 25 minutes. Lesson: lessons/10-singleton-game.md
// fails with: a_thousand_threads_load_once
//
// A thousand threads ask for the instance at the same time. Loading its games is
// expensive: `load` must run once, and everybody gets the same manager.

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
