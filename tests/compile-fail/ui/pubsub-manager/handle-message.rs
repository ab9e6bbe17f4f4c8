//~ E0624
//! Tried: sending the users a price that was never published.
//! Refused: `handle_message` is for the connection to the broker, in the manager's crate.
//! Mutation: manager.rs: `pub(crate) fn handle_message(` => `pub fn handle_message(`

use pubsub_manager::{PubSubManager, Stock};

fn invent(stock: Stock, price: &str) {
    if let Ok(manager) = PubSubManager::instance() {
        manager.handle_message(stock, price.as_bytes());
    }
}

fn main() {}
