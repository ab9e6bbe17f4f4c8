fn main() {
    let mut moves = vec!["e2e4", "e7e5"];
    moves.push("g1f3");
    let first = &moves[0];
    println!("{first}");
}
