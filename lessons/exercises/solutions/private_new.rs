// 15 minutes. Lesson: lessons/10-singleton-game.md
// fails with: nobody_outside_can_call_new
//
// There must be one GameManager. Outside the module `game_manager`, even in this
// file, `GameManager::instance()` must be the only way to reach one. Keep the
// names of the type, its functions and its field.

mod game_manager {
    use std::sync::Mutex;

    pub struct GameManager {
        games: Mutex<Vec<String>>,
    }

    static INSTANCE: GameManager = GameManager::new();

    impl GameManager {
        const fn new() -> Self {
            GameManager {
                games: Mutex::new(Vec::new()),
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

    pub struct NotReachable;

    struct Probe<T>(PhantomData<T>);

    // Rust picks the inherent constant where T: Default, the trait's elsewhere.
    trait Otherwise {
        const HAS_DEFAULT: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}
    impl<T: Default> Probe<T> {
        #[allow(dead_code, reason = "nothing finds it while there is no Default")]
        const HAS_DEFAULT: bool = true;
    }

    // Rust picks what these offer only where the manager's own is not reachable.
    trait Fallback {
        fn new() -> NotReachable {
            NotReachable
        }
    }
    impl Fallback for GameManager {}

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

    fn reachable<T: Any>(what: &T) -> bool {
        !(what as &dyn Any).is::<NotReachable>()
    }

    #[test]
    fn nobody_outside_can_call_new() {
        let made = GameManager::new();
        assert!(!reachable(&made), "somebody outside can still call new");
    }

    #[test]
    fn default_is_no_second_new() {
        let has_default = Probe::<GameManager>::HAS_DEFAULT;
        assert!(
            !has_default,
            "somebody outside can write GameManager::default()"
        );
    }

    #[test]
    fn nobody_outside_can_reach_the_field() {
        let field = &GameManager::instance().games;
        assert!(
            !reachable(field),
            "somebody outside can still write the field"
        );
    }

    #[test]
    fn the_instance_keeps_its_games() {
        let before = GameManager::instance().add("opera-1858");
        assert_eq!(GameManager::instance().add("immortal-1851"), before + 1);
    }
}
