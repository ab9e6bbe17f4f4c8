//! State in memory that needs no sticky users: a cache in each server.
//!
//! Any server may answer, each warms its own copy, and an answer may be old for as long as the time
//! to live. Without a cache every read asks the database, which is the slowest part of all.
//! `cargo run -p memory-cache` counts both, over two servers; `--no-cache` and `--redis` compare.
//! Read [`cached`] first: its diff to lesson 1 is the lesson. The page is
//! `lessons/02-memory-cache.md`.
//!
//! With `--tracking`, each server has copies that a Redis calls old, and [`fleet`] counts who loads when
//! fifty servers share one cache: `lessons/02b-one-cache-many-servers.md`.

pub mod cached;
pub mod counted;
pub mod demo;
pub mod fleet;
mod own_task;
pub mod shared;

use stateless_server::store::{Added, StoreError};

/// How many moves a game has according to the answer to one of them, if the answer has the number. A
/// refusal has it too: a client whose move was too late reads the game next, and must find that move.
fn moves_after(answer: &Result<(Added, u32), StoreError>) -> Option<usize> {
    match answer {
        Ok((_, moves)) | Err(StoreError::NotNext { moves, .. }) => Some(*moves as usize),
        Err(_) => None,
    }
}
