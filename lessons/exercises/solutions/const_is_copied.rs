// 15 minutes. Lesson: lessons/07-bad-game.md
// fails with: the_logger_sees_main
//
// `index` counts the games that it adds, and `logger` reports the count. It
// compiles, and the logger reports 0.

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
        ADDED.load(Ordering::Relaxed)
    }
}

fn main() {
    index::add_game();
    println!("the logger sees {} games", logger::sees());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logger_sees_main() {
        for added in 0..5 {
            assert_eq!(logger::sees(), added, "the logger reads another counter");
            index::add_game();
        }
    }
}
