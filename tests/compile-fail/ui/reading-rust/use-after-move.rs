//~ E0382
//! Tried: a list, used by its old name after it has a new owner.
//! Refused: the assignment moves the list, so the old name has nothing.
//! Mutation: here: `= moves;` => `= moves.clone();`

fn main() {
    let moves = vec!["e2e4", "e7e5"];
    let opera = moves;
    println!("{} and {}", moves.len(), opera.len());
}
