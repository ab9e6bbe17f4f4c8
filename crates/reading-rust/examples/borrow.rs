//! A borrow lends a value and returns it: many may read, or one may change.

fn count(moves: &[&str]) -> usize {
    moves.len()
}

fn add(moves: &mut Vec<&str>) {
    moves.push("g1f3");
}

fn main() {
    let mut moves = vec!["e2e4", "e7e5"];
    println!("{} moves", count(&moves));
    add(&mut moves);
    println!("{} moves", count(&moves));
}
