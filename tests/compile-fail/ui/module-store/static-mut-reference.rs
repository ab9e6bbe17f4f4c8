//~ static_mut_refs
//! Tried: the same list, with `unsafe` round it.
//! Refused: `push` borrows the list, and a second borrow elsewhere would be undefined behaviour.
//! Mutation: here: `fn main() {` => `#[allow(static_mut_refs)] fn main() {`

static mut GAMES: Vec<&str> = Vec::new();

fn main() {
    unsafe { GAMES.push("opera-1858") };
}
