//! Lesson 9: a `static` belongs to the type, not to a value of it. Prints 2.

use std::sync::atomic::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Example;

impl Example {
    fn new() -> Self {
        COUNT.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

fn main() {
    let _first = Example::new();
    let _second = Example::new();
    println!("{}", COUNT.load(Ordering::Relaxed));
}
