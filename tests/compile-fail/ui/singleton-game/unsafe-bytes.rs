//~ unsafe_code
//! Tried: a manager made of zeros.
//! Refused: this crate forbids unsafe code. Privacy alone would not stop it.
//! Mutation: here: `#![forbid(unsafe_code)]` => ``

#![forbid(unsafe_code)]

use singleton_game::GameManager;

fn main() {
    let second: GameManager = unsafe { std::mem::transmute([0_u8; size_of::<GameManager>()]) };
    println!("a second, with {} games", second.games().len());
}
