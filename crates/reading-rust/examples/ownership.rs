//! A value has one owner. Passing the value on is a move, and the old name is empty afterwards.

fn main() {
    let moves = vec!["e2e4", "e7e5"];
    let opera = moves;
    println!("{} moves", opera.len());
}
