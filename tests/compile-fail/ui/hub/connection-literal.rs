//~ E0451 private-type
//! Tried: a connection without `connect`, field by field.
//! Refused: both fields are private, and so is a type; only `connect` registers a user.
//! Door: connection.rs: `    user: Arc<User<S>>,` => `    pub user: Arc<User<S>>,`
//! Door: connection.rs: `    hub: Arc<Hub>,` => `    pub hub: Arc<Hub>,`
//! Door: user.rs: `pub(crate) struct User<` => `pub struct User<`

use hub::{Connection, Socket};

fn forged<S: Socket>() -> Connection<S> {
    Connection {
        user: anything(),
        hub: anything(),
    }
}

fn anything<T>() -> T {
    panic!("a value of the right type stands here")
}

fn main() {}
