//! In place of the old name: the new owner.

pub fn main() {
    let moves = vec!["e2e4", "e7e5"];
    let opera = moves;
    assert_eq!(opera.len(), 2);
}
