//! One per thread: two threads use the same name, and each counts from 1.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static OF_THE_PROCESS: AtomicU32 = AtomicU32::new(0);

/// What belongs to a thread is dropped when the thread ends.
struct Mine(Cell<u32>);

impl Drop for Mine {
    fn drop(&mut self) {
        println!("  the thread ends with {}", self.0.get());
    }
}

thread_local! {
    static OF_THE_THREAD: Mine = const { Mine(Cell::new(0)) };
}

fn count() {
    let process = OF_THE_PROCESS.fetch_add(1, Ordering::Relaxed) + 1;
    OF_THE_THREAD.with(|mine| mine.0.set(mine.0.get() + 1));
    let thread = OF_THE_THREAD.with(|mine| mine.0.get());
    println!("  static {process}, thread_local! {thread}");
}

fn main() {
    for name in ["first", "second"] {
        println!("{name} thread");
        let thread = thread::spawn(|| [count(), count()]);
        thread.join().expect("it only counts");
    }
}
