//~ E0015
//! Tried: the manager's map of games, in a plain static.
//! Refused: a static's value is made while the program is compiled, and a HashMap draws random
//! keys when it is made. So the static has to be lazy.
//! Mutation: here: `use std::collections::HashMap;` => `use std::collections::BTreeMap as HashMap;`

use std::collections::HashMap;
use std::sync::Mutex;

use game::{Game, GameId};

static GAMES: Mutex<HashMap<GameId, Game>> = Mutex::new(HashMap::new());

fn main() {
    println!("the map, poisoned: {}", GAMES.is_poisoned());
}
