//! In place of the field: `stats()`, a snapshot of what the hub has counted.

mod support;

pub fn main() {
    let stats = support::started().stats();
    println!("{} prices came in", stats.messages_in);
}
