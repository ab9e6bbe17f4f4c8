//~ E0616
//! Tried: the manager's own hub, to send its users something in the market's name.
//! Refused: `hub` is private; what users are sent as a price comes from the broker.
//! Mutation: manager.rs: `    pub(crate) hub: Arc<Hub>,` => `    pub hub: Arc<Hub>,`

use pubsub_manager::{NotStarted, PubSubManager};

fn main() -> Result<(), NotStarted> {
    let hub = &PubSubManager::instance()?.hub;
    println!("the hub itself: {hub:?}");
    Ok(())
}
