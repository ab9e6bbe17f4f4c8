//! Changed how? The static stays, and what it points to is replaced. A reader keeps what it has.

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

struct Settings {
    name: &'static str,
    most_users: u32,
}

impl Drop for Settings {
    fn drop(&mut self) {
        println!("  {} are dropped", self.name);
    }
}

static SETTINGS: LazyLock<ArcSwap<Settings>> = LazyLock::new(|| {
    ArcSwap::from_pointee(Settings {
        name: "the first settings",
        most_users: 100,
    })
});

/// Computed from the settings once, so a reload does not reach it.
static HALF: LazyLock<u32> = LazyLock::new(|| SETTINGS.load().most_users / 2);

fn main() {
    let request = SETTINGS.load_full();
    println!("a request begins: {}, half {}", request.most_users, *HALF);
    SETTINGS.store(Arc::new(Settings {
        name: "the reloaded settings",
        most_users: 500,
    }));
    println!("reloaded");
    println!("that request still reads {}", request.most_users);
    let next = SETTINGS.load().most_users;
    println!("the next one reads {next}, half {}", *HALF);
    println!("the first request ends");
    drop(request);
    println!("main ends");
}
