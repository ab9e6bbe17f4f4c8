// refused by: the_logger_sees_main

mod index {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static ADDED: AtomicUsize = AtomicUsize::new(0);

    pub fn add_game() {
        ADDED.fetch_add(1, Ordering::Relaxed);
    }
}

mod logger {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static ADDED: AtomicUsize = AtomicUsize::new(0);

    pub fn sees() -> usize {
        ADDED.load(Ordering::Relaxed)
    }
}

fn main() {
    index::add_game();
    println!("the logger sees {} games", logger::sees());
}
