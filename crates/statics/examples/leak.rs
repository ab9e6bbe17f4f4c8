//! `Box::leak` beside `OnceLock`: both give a `&'static`, and only one of them gives the same one each time.

use std::ptr;
use std::sync::OnceLock;
use std::thread;

struct Settings {
    most_users: u32,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

fn leaked(most_users: u32) -> &'static Settings {
    Box::leak(Box::new(Settings { most_users }))
}

fn in_the_static(most_users: u32) -> &'static Settings {
    SETTINGS.get_or_init(|| Settings { most_users })
}

/// `&'static` is `Copy`, so any thread may have it, and no `Arc` counts.
fn read_by_a_thread(settings: &'static Settings) -> u32 {
    let thread = thread::spawn(move || settings.most_users);
    thread.join().expect("it only reads")
}

fn main() {
    for (name, make) in [
        ("Box::leak", leaked as fn(u32) -> &'static Settings),
        ("OnceLock ", in_the_static),
    ] {
        let [first, second] = [make(100), make(500)];
        let read = [first, second].map(read_by_a_thread);
        println!("{name} {read:?}, one value: {}", ptr::eq(first, second));
    }
}
