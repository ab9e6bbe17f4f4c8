//~ E0596
//! Tried: a plain list at the top of a file, as a JavaScript module has it.
//! Refused: every thread can reach a static, so nobody may change one without a lock.
//! Mutation: here: `static GAMES` => `const GAMES`

static GAMES: Vec<&str> = Vec::new();

fn main() {
    GAMES.push("opera-1858");
}
