//~ E0624
//! Tried: a second connection to a broker, by a second manager made around one.
//! Refused: `with_broker` is for the manager's own crate; elsewhere the broker is said once, to `start`.
//! Mutation: manager.rs: `pub(crate) fn with_broker<` => `pub fn with_broker<`

use pubsub_manager::{InProcess, Options, PubSubManager};
use tokio::runtime::Handle;

fn main() {
    let (broker, options) = (InProcess::default(), Options::default());
    let second = PubSubManager::with_broker(broker, options, Handle::current());
    println!("a second, with a connection of its own: {second:?}");
}
