//~ E0277
//! Tried: the constructor that a type often has without anyone thinking of it.
//! Refused: PubSubManager has no Default, although its Options have one.
//! Mutation: manager.rs: `impl PubSubManager {` => `impl Default for PubSubManager { fn default() -> Self { Self { hub: Hub::new(Default::default(), Handle::current()), unsubscribe_delay: Duration::ZERO, drain_timeout: Duration::ZERO, ended: CancellationToken::new() } } } impl PubSubManager {`

use pubsub_manager::PubSubManager;

fn main() {
    let second: PubSubManager = Default::default();
    println!("a second: {second:?}");
}
