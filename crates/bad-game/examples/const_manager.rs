//! Two by accident: a `const` is no place in memory. Each use of it makes a new manager.
//!
//! rustc warns of a `const` that is a bare `Mutex`; of one behind a `Lazy` only clippy does, and
//! here it is told not to.
#![expect(
    clippy::declare_interior_mutable_const,
    clippy::borrow_interior_mutable_const,
    reason = "the mistake that this program shows"
)]

use bad_game::GameManager;
use once_cell::sync::Lazy;

const GAME_MANAGER: Lazy<GameManager> = Lazy::new(GameManager::new);

fn main() -> anyhow::Result<()> {
    for game in game::famous() {
        GAME_MANAGER.add_game(game)?;
    }
    let seen = GAME_MANAGER.games().len();
    let made = GameManager::constructed();
    let each = match made {
        1 => "one manager".to_owned(),
        _ => format!("{made} managers, one for each use of the const"),
    };
    println!("verdict: 10 games added, {seen} seen: {each}");
    Ok(())
}
