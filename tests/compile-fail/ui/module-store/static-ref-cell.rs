//~ E0277
//! Tried: a RefCell, which may be changed through a shared reference.
//! Refused: a RefCell counts its borrowers without a lock; two threads would miscount.
//! Mutation: here: `static GAMES` => `const GAMES`

use std::cell::RefCell;

static GAMES: RefCell<Vec<&str>> = RefCell::new(Vec::new());

fn main() {
    GAMES.borrow_mut().push("opera-1858");
}
