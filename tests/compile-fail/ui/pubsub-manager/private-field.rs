//~ E0616
//! Tried: the manager's own relay, to tell its users something in the market's name.
//! Refused: `relay` is private; what users are told as a price comes from the broker.
//! Door: manager.rs: `    relay: Mutex<Relay>,` => `    pub relay: Mutex<Relay>,`
//! Door: relay.rs: `pub(crate) struct Relay {` => `pub struct Relay {`

use pubsub_manager::{NotStarted, PubSubManager};

fn main() -> Result<(), NotStarted> {
    let relay = &PubSubManager::instance()?.relay;
    println!("the relay itself, locked: {}", relay.is_locked());
    Ok(())
}
