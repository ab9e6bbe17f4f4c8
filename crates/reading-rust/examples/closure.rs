//! A closure borrows what it uses; `move` makes it take the values instead.

use std::thread;

fn main() {
    let mut seen = 0;
    let mut look = |games: usize| seen += games;
    look(1);
    look(2);
    println!("seen: {seen}");

    let player = String::from("Morphy");
    let thread = thread::spawn(move || println!("{player} plays on another thread"));
    thread.join().expect("the thread only prints");
}
