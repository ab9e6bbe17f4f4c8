//~ E0308
//! Tried: the same connection twice, so that a user leaves with one and stays with the other.
//! Refused: Connection has no Clone, so what is cloned is the reference to it.
//! Mutation: connection.rs: `impl<S: Socket> Drop for Connection<S> {` => `impl<S: Socket> Clone for Connection<S> { fn clone(&self) -> Self { Self { user: Arc::clone(&self.user), registry: Arc::clone(&self.registry) } } } impl<S: Socket> Drop for Connection<S> {`

use hub::{Connection, Socket};

fn twice<S: Socket>(once: &Connection<S>) -> Connection<S> {
    once.clone()
}

fn main() {}
