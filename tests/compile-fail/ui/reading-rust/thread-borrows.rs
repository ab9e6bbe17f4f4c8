//~ E0373
//! Tried: a thread that borrows a list of the function that started it.
//! Refused: the thread may still run when the function has returned and its list is freed.
//! Mutation: here: `spawn(||` => `spawn(move ||`

use std::thread;

fn main() {
    let moves = vec!["e2e4", "e7e5"];
    let thread = thread::spawn(|| println!("{} moves", moves.len()));
    thread.join().expect("the thread only prints");
}
