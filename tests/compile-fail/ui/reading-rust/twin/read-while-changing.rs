//! In place of a reference that is kept: one that is made after the list has grown.

pub fn main() {
    let mut moves = vec!["e2e4", "e7e5"];
    moves.push("g1f3");
    let first = &moves[0];
    assert_eq!(*first, "e2e4");
}
