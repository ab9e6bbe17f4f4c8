//~ E0451 private-type
//! Tried: a connection without `connect`, field by field.
//! Refused: both fields are private, and so are their types; only `connect` registers a user.
//! Mutation: connection.rs: `    user: Arc<User<S>>,` => `    pub user: Arc<User<S>>,`
//! Mutation: connection.rs: `    registry: Arc<Registry>,` => `    pub registry: Arc<Registry>,`
//! Mutation: user.rs: `pub(crate) struct User<` => `pub struct User<`
//! Mutation: registry.rs: `pub(crate) struct Registry {` => `pub struct Registry {`

use hub::{Connection, Socket};

fn forged<S: Socket>() -> Connection<S> {
    Connection {
        user: anything(),
        registry: anything(),
    }
}

fn anything<T>() -> T {
    panic!("a value of the right type stands here")
}

fn main() {}
