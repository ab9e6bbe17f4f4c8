//~ E0603
//! Tried: a second connection to the broker, past the manager.
//! Refused: what connects is the trait Broker, and the module that holds it is private.
//! Mutation: lib.rs: `mod broker;` => `pub mod broker;`
//! Mutation: broker.rs: `pub(crate) trait Broker:` => `pub trait Broker:`
//! Mutation: broker.rs: `pub(crate) struct Events {` => `pub struct Events {`
//! Mutation: broker/in_process.rs: `pub(crate) struct InProcessConnection` => `pub struct InProcessConnection`

use pubsub_manager::{
    InProcess,
    broker::{Broker, Events},
};
use std::sync::Arc;

async fn second(broker: InProcess, events: Arc<Events>) {
    let connection = Broker::connect(&broker, events).await;
    println!("a connection of one's own: {}", connection.is_ok());
}

fn main() {}
