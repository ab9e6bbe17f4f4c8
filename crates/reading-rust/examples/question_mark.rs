//! An error is a value. `?` returns it to the caller, or goes on with the value inside.

use std::num::ParseIntError;

fn sum(first: &str, second: &str) -> Result<u32, ParseIntError> {
    let first: u32 = first.parse()?;
    let second: u32 = second.parse()?;
    Ok(first + second)
}

fn main() {
    println!("{:?}", sum("45", "47"));
    println!("{:?}", sum("45", "many"));
}
