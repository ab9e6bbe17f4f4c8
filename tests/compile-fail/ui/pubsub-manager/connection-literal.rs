//~ E0451 private-type
//! Tried: a connection without `connect`, field by field.
//! Refused: both fields are private, and so are their types; only `connect` makes a user known.
//! Door: connection.rs: `    user: Arc<User<O>>,` => `    pub user: Arc<User<O>>,`
//! Door: connection.rs: `    pub(crate) shared: Arc<Shared>,` => `    pub shared: Arc<Shared>,`
//! Door: user.rs: `pub(crate) struct User<` => `pub struct User<`
//! Door: shared.rs: `pub(crate) struct Shared {` => `pub struct Shared {`

use pubsub_manager::{Connection, Outlet};

fn forged<O: Outlet>() -> Connection<O> {
    Connection {
        user: whatever(),
        shared: whatever(),
    }
}

fn whatever<T>() -> T {
    panic!("whatever stands here")
}

fn main() {}
