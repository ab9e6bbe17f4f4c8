//~ unsafe_code
//! Tried: the manager's bytes, read a second time.
//! Refused: this crate forbids unsafe code. Privacy alone would not stop it.
//! Mutation: here: `#![forbid(unsafe_code)]` => ``

#![forbid(unsafe_code)]

use singleton_game::GameManager;

fn main() {
    let second: GameManager = unsafe { std::ptr::read(GameManager::instance()) };
    println!("a second, with {} games", second.games().len());
}
