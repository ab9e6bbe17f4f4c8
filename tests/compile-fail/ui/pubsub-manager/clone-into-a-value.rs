//~ E0308
//! Tried: a clone of the manager, into a binding that says it wants a manager.
//! Refused: PubSubManager has no Clone, so what is cloned is the reference to it.
//! Mutation: manager.rs: `impl PubSubManager {` => `impl Clone for PubSubManager { fn clone(&self) -> Self { Self { hub: Arc::clone(&self.hub), unsubscribe_delay: self.unsubscribe_delay, drain_timeout: self.drain_timeout, ended: self.ended.clone() } } } impl PubSubManager {`

use pubsub_manager::{NotStarted, PubSubManager};

fn main() -> Result<(), NotStarted> {
    let second: PubSubManager = PubSubManager::instance()?.clone();
    println!("a second: {second:?}");
    Ok(())
}
