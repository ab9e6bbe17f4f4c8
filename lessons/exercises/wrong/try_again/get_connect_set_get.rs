// refused by: the_second_start_succeeds

use once_cell::sync::OnceCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many connections were made.
pub static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

pub struct PubSubManager {
    pub url: String,
}

impl PubSubManager {
    fn connect(url: &str) -> Result<Self, String> {
        if !url.starts_with("redis://") {
            return Err(format!("{url} does not begin with redis://"));
        }
        let url = url.to_string();
        CONNECTIONS.fetch_add(1, Ordering::SeqCst);
        Ok(PubSubManager { url })
    }
}

static INSTANCE: OnceCell<PubSubManager> = OnceCell::new();

pub fn start(url: &str) -> Result<&'static PubSubManager, String> {
    if let Some(started) = INSTANCE.get() {
        return Ok(started);
    }
    let _ = INSTANCE.set(PubSubManager::connect(url)?);
    Ok(INSTANCE.get().expect("it was set above"))
}

fn main() {
    for url in ["127.0.0.1", "redis://127.0.0.1"] {
        match start(url) {
            Ok(manager) => println!("started with {}", manager.url),
            Err(error) => println!("not started: {error}"),
        }
    }
}
