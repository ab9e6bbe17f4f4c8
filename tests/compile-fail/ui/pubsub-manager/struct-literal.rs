//~ E0451 private-type
//! Tried: a manager without its constructor, field by field.
//! Refused: a struct literal has to name every field; both are private, and so are their types.
//! Door: manager.rs: `    shared: Arc<Shared>,` => `    pub shared: Arc<Shared>,`
//! Door: manager.rs: `    relay: Mutex<Relay>,` => `    pub relay: Mutex<Relay>,`
//! Door: shared.rs: `pub(crate) struct Shared {` => `pub struct Shared {`
//! Door: relay.rs: `pub(crate) struct Relay {` => `pub struct Relay {`

use pubsub_manager::PubSubManager;

fn main() {
    let second = PubSubManager {
        shared: whatever(),
        relay: whatever(),
    };
    println!("a second: {second:?}");
}

fn whatever<T>() -> T {
    panic!("whatever stands here")
}
