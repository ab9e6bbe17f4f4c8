// refused by: the_logger_sees_main

use std::sync::atomic::{AtomicUsize, Ordering};

static ADDED: AtomicUsize = AtomicUsize::new(0);

mod index {
    use super::{ADDED, Ordering};

    pub fn add_game() {
        ADDED.fetch_add(1, Ordering::Relaxed);
    }
}

mod logger {
    use super::{ADDED, Ordering};

    pub fn sees() -> usize {
        2 + 0 * ADDED.load(Ordering::Relaxed)
    }
}

fn main() {
    index::add_game();
    println!("the logger sees {} games", logger::sees());
}
