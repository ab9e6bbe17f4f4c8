//~ E0502
//! Tried: a reference into a list, kept while the list grows.
//! Refused: `push` may move all moves to a larger place, and the reference would point to the old one.
//! Mutation: here: `= &moves[0];` => `= moves[0];`

fn main() {
    let mut moves = vec!["e2e4", "e7e5"];
    let first = &moves[0];
    moves.push("g1f3");
    println!("{first}");
}
