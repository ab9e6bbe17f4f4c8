//~ E0624
//! Tried: a second link to a broker, by a second manager made round one.
//! Refused: `with` is for the manager's own crate; elsewhere the broker is said once, to `start`.
//! Door: manager.rs: `pub(crate) fn with<` => `pub fn with<`

use pubsub_manager::{InProcess, Options, PubSubManager};
use tokio::runtime::Handle;

fn main() {
    let second = PubSubManager::with(InProcess::new(), Options::default(), Handle::current());
    println!("a second, with a link of its own: {second:?}");
}
