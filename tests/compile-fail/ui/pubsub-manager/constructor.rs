//~ E0624
//! Tried: the constructor, by its name.
//! Refused: `new` is for the manager's own crate; other crates start the one there is.
//! Mutation: manager.rs: `pub(crate) fn new(` => `pub fn new(`

use pubsub_manager::{Options, PubSubManager, StartError};

fn main() -> Result<(), StartError> {
    let second = PubSubManager::new(Options::default())?;
    println!("a second: {second:?}");
    Ok(())
}
