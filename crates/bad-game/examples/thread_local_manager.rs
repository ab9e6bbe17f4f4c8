//! Two by accident: a `thread_local!` is one for each thread, and looks like one for all.

use std::thread;

use bad_game::GameManager;

thread_local! {
    static GAME_MANAGER: GameManager = GameManager::new();
}

fn main() -> anyhow::Result<()> {
    for game in game::famous() {
        GAME_MANAGER.with(|manager| manager.add_game(game))?;
    }
    let logger = thread::spawn(|| GAME_MANAGER.with(|manager| manager.games().len()));
    let seen = logger.join().expect("the logger does not panic");
    let made = GameManager::constructed();
    println!("verdict: 10 games added, {seen} seen: {made} managers, one for each thread");
    Ok(())
}
