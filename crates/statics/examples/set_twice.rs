//! Set again for a test? The second `set` is refused, and a reset changes it under the other test.

use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::thread;

static DATABASE: OnceLock<&str> = OnceLock::new();

static RESETTABLE: Mutex<&str> = Mutex::new("production");

fn reset_for_tests(database: &'static str) {
    *RESETTABLE.lock().unwrap_or_else(PoisonError::into_inner) = database;
}

fn in_use() -> &'static str {
    *RESETTABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() {
    println!("set by asha's test: {:?}", DATABASE.set("asha's"));
    println!("set by bo's test:   {:?}", DATABASE.set("bo's"));
    println!("in use:             {:?}", DATABASE.get());

    let [asha_is_ready, bo_is_ready] = [Barrier::new(2), Barrier::new(2)];
    thread::scope(|tests| {
        tests.spawn(|| {
            reset_for_tests("asha's");
            asha_is_ready.wait();
            bo_is_ready.wait();
            println!("asha's test writes into {} database", in_use());
        });
        tests.spawn(|| {
            asha_is_ready.wait();
            reset_for_tests("bo's");
            bo_is_ready.wait();
        });
    });
}
