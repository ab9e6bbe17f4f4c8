fn main() {
    let moves = vec!["e2e4", "e7e5"];
    let opera = moves;
    println!("{}", opera.len());
}
