// 20 minutes. Lesson: lessons/12b-start-can-fail.md
// fails with: the_second_start_succeeds
//
// A start with a wrong URL fails, as it should. A second start with a good URL
// must succeed; every start after that returns the same manager, whatever its URL.

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
    INSTANCE.get_or_try_init(|| PubSubManager::connect(url))
}

fn main() {
    for url in ["127.0.0.1", "redis://127.0.0.1"] {
        match start(url) {
            Ok(manager) => println!("started with {}", manager.url),
            Err(error) => println!("not started: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    // The instance belongs to the process, so all of it is one test.
    #[test]
    fn the_second_start_succeeds() {
        for wrong in ["127.0.0.1", "localhost", "http://127.0.0.1", ""] {
            assert!(start(wrong).is_err(), "a wrong URL must be refused");
        }
        // Of many good starts at the same moment, all get the same manager. The URLs are long, so that a
        // connection takes a while.
        let path = "x".repeat(16 << 20);
        let barrier = Barrier::new(8);
        let managers: Vec<_> = std::thread::scope(|scope| {
            let (barrier, path) = (&barrier, &path);
            let start = move |number: usize| {
                let url = format!("redis://127.0.0.{number}/{path}");
                barrier.wait();
                start(&url).expect("a good URL must start it")
            };
            let threads: Vec<_> = (1..=8)
                .map(|number| scope.spawn(move || start(number)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("it starts"))
                .collect()
        });
        assert_eq!(
            CONNECTIONS.load(Ordering::SeqCst),
            1,
            "it connected more than once"
        );
        let first = managers[0];
        assert!(first.url.starts_with("redis://127.0.0."));
        assert!(
            managers.iter().all(|manager| std::ptr::eq(*manager, first)),
            "a second manager was made"
        );
        let later = start("redis://127.0.0.99").expect("it is started already");
        assert!(std::ptr::eq(first, later), "a second manager was made");
        assert!(
            start("127.0.0.1").is_ok(),
            "it is started, and connects no more"
        );
    }
}
