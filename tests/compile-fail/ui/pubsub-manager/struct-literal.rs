//~ E0451
//! Tried: a manager without its constructor, field by field.
//! Refused: a struct literal has to name every field, and all four are private.
//! Mutation: manager.rs: `    pub(crate) hub: Arc<Hub>,` => `    pub hub: Arc<Hub>,`
//! Mutation: manager.rs: `    pub(crate) unsubscribe_delay: Duration,` => `    pub unsubscribe_delay: Duration,`
//! Mutation: manager.rs: `    drain_timeout: Duration,` => `    pub drain_timeout: Duration,`
//! Mutation: manager.rs: `    ended: CancellationToken,` => `    pub ended: CancellationToken,`

use pubsub_manager::PubSubManager;

fn main() {
    let second = PubSubManager {
        hub: anything(),
        unsubscribe_delay: anything(),
        drain_timeout: anything(),
        ended: anything(),
    };
    println!("a second: {second:?}");
}

fn anything<T>() -> T {
    panic!("a value of the right type stands here")
}
