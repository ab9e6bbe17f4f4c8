//! In place of a thread that may outlive its function: a scope that waits for its threads.

use std::thread;

pub fn main() {
    let moves = vec!["e2e4", "e7e5"];
    thread::scope(|scope| {
        let thread = scope.spawn(|| moves.len());
        assert_eq!(thread.join().expect("the thread only counts"), 2);
    });
}
