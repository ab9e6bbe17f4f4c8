//~ E0133
//! Tried: a list that says `mut`.
//! Refused: two threads may change it at once, and the compiler cannot see whether they do.
//! Mutation: here: `GAMES = vec!["opera-1858"]` => `unsafe { GAMES = vec!["opera-1858"] }`

static mut GAMES: Vec<&str> = Vec::new();

fn main() {
    GAMES = vec!["opera-1858"];
}
