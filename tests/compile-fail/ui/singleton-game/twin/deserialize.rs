//! In place of a manager out of a text: the games out of a text, for the one manager.

use std::ptr;

use game::Game;
use serde::Deserialize;
use singleton_game::GameManager;

const OPERA: &str =
    r#"{"id":"opera-1858","white_player":"Morphy","black_player":"Duke Karl","moves":["e2e4"]}"#;

pub fn main() {
    let mut text = serde_json::Deserializer::from_str(OPERA);
    let opera = Game::deserialize(&mut text).expect("a game as JSON");
    let manager = GameManager::instance();
    manager.add_game(opera).expect("no other game of that id");
    let games = GameManager::instance().games();
    assert!(games.iter().any(|game| game.title() == "Morphy-Duke Karl"));
    assert!(ptr::eq(manager, GameManager::instance()));
}
