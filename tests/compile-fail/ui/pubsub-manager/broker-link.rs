//~ E0603
//! Tried: a second link to the broker, past the manager.
//! Refused: what makes a link is the trait Broker, and the module that holds it is private.
//! Door: lib.rs: `mod broker;` => `pub mod broker;`
//! Door: broker.rs: `pub(crate) trait Broker` => `pub trait Broker`
//! Door: broker.rs: `pub(crate) struct Lost` => `pub struct Lost`
//! Door: broker/in_process.rs: `pub(crate) struct InProcessLink` => `pub struct InProcessLink`

use pubsub_manager::{InProcess, broker::Broker};

async fn second(broker: InProcess) {
    let link = Broker::connect(&broker).await;
    println!("a link of one's own: {}", link.is_ok());
}

fn main() {}
