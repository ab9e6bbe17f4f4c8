// 25 minutes. Lesson: lessons/10-singleton-game.md
// fails with: a_thousand_threads_load_once
//
// A thousand threads ask for the instance at the same time. Loading its games is
// expensive: `load` must run once, and every thread must get the same manager.

use std::sync::OnceLock;

pub struct GameManager {
    pub games: Vec<String>,
}

static INSTANCE: OnceLock<GameManager> = OnceLock::new();

pub fn instance(load: impl FnOnce() -> Vec<String>) -> &'static GameManager {
    INSTANCE.get_or_init(|| GameManager { games: load() })
}

fn main() {
    let manager = instance(|| vec!["opera-1858".to_string()]);
    println!("games: {:?}", manager.games);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    static LOADS: AtomicUsize = AtomicUsize::new(0);

    // Waits for a second load, which must not come.
    fn load() -> Vec<String> {
        LOADS.fetch_add(1, Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(1);
        while LOADS.load(Ordering::SeqCst) < 2 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        vec!["opera-1858".to_string()]
    }

    #[test]
    fn a_thousand_threads_load_once() {
        std::thread::scope(|scope| {
            for _ in 0..1000 {
                scope.spawn(|| assert_eq!(instance(load).games, ["opera-1858"]));
            }
        });
        assert!(
            std::ptr::eq(instance(load), instance(load)),
            "two calls return two managers"
        );
        assert_eq!(
            LOADS.load(Ordering::SeqCst),
            1,
            "more than one thread loaded"
        );
    }
}
