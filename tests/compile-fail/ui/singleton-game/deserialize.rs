//~ E0277
//! Tried: a manager out of a text, as it might come from a file or from the network.
//! Refused: GameManager does not derive Deserialize, which is a public constructor as well.
//! Mutation: game_manager.rs: `pub struct GameManager {` => `#[derive(serde::Deserialize)] pub struct GameManager {`

use serde::Deserialize;
use singleton_game::GameManager;

fn main() {
    let mut text = serde_json::Deserializer::from_str(r#"{"games":{}}"#);
    let second: Result<GameManager, _> = Deserialize::deserialize(&mut text);
    println!("a second: {}", second.is_ok());
}
