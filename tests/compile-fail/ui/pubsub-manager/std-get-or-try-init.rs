//~ E0658
//! Tried: a cell of std for an instance whose making can fail.
//! Refused: `OnceLock::get_or_try_init` is not stable; the day it is, once_cell is not needed here.
//! Mutation: here: `use std::sync::OnceLock;` => `use once_cell::sync::OnceCell as OnceLock;`

use std::sync::OnceLock;

static PORT: OnceLock<u16> = OnceLock::new();

fn main() {
    let port = PORT.get_or_try_init(|| "3000".parse::<u16>());
    println!("{port:?}");
}
