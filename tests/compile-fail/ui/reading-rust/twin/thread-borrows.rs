use std::thread;

fn main() {
    let moves = vec!["e2e4", "e7e5"];
    thread::scope(|scope| {
        scope.spawn(|| println!("{} moves", moves.len()));
    });
}
