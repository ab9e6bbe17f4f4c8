//! The lecture's store.ts: one list, and each module that names it has it.

use std::sync::Mutex;

use game::Game;

/// The games of this process.
///
/// A `static` may be reached from every thread, so Rust asks for a lock before it lets anyone
/// change one. The module that locks it holds the list itself and may do anything to it: the store has
/// no behaviour of its own. That is what a `GameManager` adds in the next lessons.
///
/// A panic while the lock is held *poisons* it. A `Vec` is whole between any two of its calls,
/// so both readers go on with what is there (`PoisonError::into_inner`).
pub static GAMES: Mutex<Vec<Game>> = Mutex::new(Vec::new());
