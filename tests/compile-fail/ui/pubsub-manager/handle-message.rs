//~ E0624
//! Tried: telling the users a price that no broker ever heard.
//! Refused: `handle_message` is for the task that listens to the broker, in the manager's crate.
//! Door: manager.rs: `pub(crate) fn handle_message(` => `pub fn handle_message(`

use pubsub_manager::{BadPrice, Price, PubSubManager, Stock};

fn invent(stock: Stock, price: &str) -> Result<(), BadPrice> {
    let price: Price = price.parse()?;
    if let Ok(manager) = PubSubManager::instance() {
        manager.handle_message(stock, price);
    }
    Ok(())
}

fn main() {}
