//~ E0451
//! Tried: taking the one manager apart, to build a second from its parts.
//! Refused: a pattern may name only the fields that it can see, and `games` is private.
//! Mutation: game_manager.rs: `games: Mutex<HashMap` => `pub games: Mutex<HashMap`

use singleton_game::GameManager;

fn main() {
    let GameManager { games } = GameManager::instance();
    println!("the map itself, poisoned: {}", games.is_poisoned());
}
