//~ E0616
//! Tried: the manager's own map, past its functions.
//! Refused: `games` is private; how many managers there are does not change that.
//! Mutation: game_manager.rs: `    games: Mutex<HashMap<GameId, Game>>,` => `    pub games: Mutex<HashMap<GameId, Game>>,`

use injected_game::GameManager;

fn main() {
    let manager = GameManager::new();
    println!("locked by someone: {}", manager.games.try_lock().is_err());
}
