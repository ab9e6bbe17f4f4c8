//! In place of the move: the reference stays where it is lent.

use std::ptr;

use singleton_game::GameManager;

pub fn main() {
    let everybodys = GameManager::instance();
    println!("nobody's alone, with {} games", everybodys.games().len());
    assert!(ptr::eq(everybodys, GameManager::instance()));
}
