// 15 minutes. Lesson: lessons/10-singleton-game.md
// fails with: nobody_can_write_default
//
// `new` is gone, but a second GameManager can still be made: with
// `GameManager::default()`. The type must not implement Default.

mod game_manager {
    use std::sync::{LazyLock, Mutex};

    pub struct GameManager {
        games: Mutex<Vec<String>>,
    }

    static INSTANCE: LazyLock<GameManager> = LazyLock::new(GameManager::new);

    impl GameManager {
        fn new() -> Self {
            GameManager {
                games: Mutex::default(),
            }
        }

        pub fn instance() -> &'static Self {
            &INSTANCE
        }

        pub fn add(&self, id: &str) -> usize {
            let mut games = self.games.lock().expect("no holder panics");
            games.push(id.to_string());
            games.len()
        }
    }
}

use game_manager::GameManager;

fn main() {
    let games = GameManager::instance().add("opera-1858");
    println!("games: {games}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::any::Any;
    use std::marker::PhantomData;
    use std::ops::Deref;

    struct Probe<T>(PhantomData<T>);

    // Rust picks the inherent constant where T: Default, the trait's elsewhere.
    trait Otherwise {
        const HAS_DEFAULT: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}
    impl<T: Default> Probe<T> {
        #[allow(dead_code, reason = "nothing finds it once the back door is closed")]
        const HAS_DEFAULT: bool = true;
    }

    pub struct NotReachable;

    fn reachable<T: Any>(what: &T) -> bool {
        !(what as &dyn Any).is::<NotReachable>()
    }

    // Here the trait Default is not in scope: `default` is the manager's own function, or this one.
    mod own_function {
        #![no_implicit_prelude]
        use super::{GameManager, NotReachable};

        trait Fallback {
            fn default() -> NotReachable {
                NotReachable
            }
        }
        impl Fallback for GameManager {}

        pub fn made() -> impl ::std::any::Any {
            GameManager::default()
        }
    }

    // Rust picks this field only where the manager's own is not reachable.
    pub struct Outside {
        games: NotReachable,
    }
    impl Deref for GameManager {
        type Target = Outside;
        fn deref(&self) -> &Outside {
            &Outside {
                games: NotReachable,
            }
        }
    }

    #[test]
    fn nobody_can_write_default() {
        let has_default = Probe::<GameManager>::HAS_DEFAULT;
        assert!(
            !has_default,
            "anybody can still write GameManager::default()"
        );
        assert!(
            !reachable(&own_function::made()),
            "anybody can still write GameManager::default()"
        );
    }

    #[test]
    fn nobody_outside_can_reach_the_field() {
        let field = &GameManager::instance().games;
        assert!(
            !reachable(field),
            "with its field, anybody can write a GameManager out"
        );
    }

    #[test]
    fn the_instance_keeps_its_games() {
        let before = GameManager::instance().add("opera-1858");
        assert_eq!(GameManager::instance().add("immortal-1851"), before + 1);
    }
}
