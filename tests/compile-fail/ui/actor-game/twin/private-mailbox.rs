//! In place of the mailbox: the handle's functions.

use actor_game::GameManager;
use tokio::runtime::Runtime;

pub fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let seen = runtime.block_on(async { GameManager::start().look().await });
    assert_eq!(seen.map(|summary| summary.games), Ok(0));
}
