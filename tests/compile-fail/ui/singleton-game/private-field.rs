//~ E0616
//! Tried: the map of games inside the manager, without its functions.
//! Refused: `games` is private; code that wants the games has `games()`, a snapshot.
//! Mutation: game_manager.rs: `games: Mutex<HashMap` => `pub games: Mutex<HashMap`

use singleton_game::GameManager;

fn main() {
    let games = &GameManager::instance().games;
    println!("the map itself, poisoned: {}", games.is_poisoned());
}
