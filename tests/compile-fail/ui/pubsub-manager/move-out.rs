//~ E0507
//! Tried: moving the manager out of its static, into a variable of one's own.
//! Refused: `instance` lends; nothing moves out from behind a reference.
//! Mutation: manager.rs: `instance() -> Result<&'static Self, NotStarted>` => `instance() -> Result<Box<Self>, NotStarted>`
//! Mutation: manager.rs: `|instance| &**instance` => `|first| Box::new(Self { hub: Arc::clone(&first.hub), unsubscribe_delay: first.unsubscribe_delay, drain_timeout: first.drain_timeout, ended: first.ended.clone() })`

use pubsub_manager::{NotStarted, PubSubManager};

fn main() -> Result<(), NotStarted> {
    let mine = *PubSubManager::instance()?;
    println!("mine alone: {mine:?}");
    Ok(())
}
