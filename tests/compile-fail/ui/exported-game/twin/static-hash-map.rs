//! In place of the plain static: a lazy one, made by the first thread that touches it.

use std::collections::HashMap;
use std::sync::Mutex;

use game::{Game, GameId};
use once_cell::sync::Lazy;

static GAMES: Lazy<Mutex<HashMap<GameId, Game>>> = Lazy::new(|| Mutex::new(HashMap::new()));

pub fn main() {
    println!("the map, poisoned: {}", GAMES.is_poisoned());
}
