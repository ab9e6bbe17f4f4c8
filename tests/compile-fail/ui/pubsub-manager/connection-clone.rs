//~ E0308
//! Tried: the same connection twice, so that a user leaves with one and stays with the other.
//! Refused: Connection has no Clone, so what is cloned is the reference to it.
//! Door: connection.rs: `impl<O: Outlet> Drop for Connection<O> {` => `impl<O: Outlet> Clone for Connection<O> { fn clone(&self) -> Self { Self { user: Arc::clone(&self.user), shared: Arc::clone(&self.shared) } } } impl<O: Outlet> Drop for Connection<O> {`

use pubsub_manager::{Connection, Outlet};

fn twice<O: Outlet>(once: &Connection<O>) -> Connection<O> {
    once.clone()
}

fn main() {}
