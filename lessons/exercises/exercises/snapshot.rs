// 15 minutes. Lesson: lessons/10-singleton-game.md
// fails with: emptying_the_copy_changes_nothing
//
// `games()` should hand out a copy. The caller may change the copy, and the
// manager's own games must stay as they are.
//
// TODO: hand out a copy of the list, not the list.

use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Games(Arc<Mutex<Vec<String>>>);

impl Games {
    pub fn add(&self, id: &str) {
        let mut games = self.0.lock().expect("no holder panics");
        games.push(id.to_string());
    }

    pub fn clear(&self) {
        self.0.lock().expect("no holder panics").clear();
    }

    pub fn ids(&self) -> Vec<String> {
        self.0.lock().expect("no holder panics").clone()
    }
}

#[derive(Default)]
pub struct GameManager {
    games: Games,
}

impl GameManager {
    pub fn add(&self, id: &str) {
        self.games.add(id);
    }

    pub fn games(&self) -> Games {
        Games(Arc::clone(&self.games.0))
    }
}

fn main() {
    let manager = GameManager::default();
    manager.add("opera-1858");
    let copy = manager.games();
    copy.clear();
    copy.add("mine");
    println!("the manager holds {:?}", manager.games().ids());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emptying_the_copy_changes_nothing() {
        let manager = GameManager::default();
        assert!(manager.games().ids().is_empty());
        for (id, games) in [("opera-1858", 1), ("immortal-1851", 2)] {
            manager.add(id);
            let copy = manager.games();
            assert_eq!(copy.ids().len(), games, "the copy lacks a game");
            assert_eq!(copy.ids().last().map(String::as_str), Some(id));
            copy.add("mine");
            assert_eq!(copy.ids().len(), games + 1, "the copy cannot be changed");
            copy.clear();
            assert!(copy.ids().is_empty(), "the copy was not emptied");
            assert_eq!(
                manager.games().ids().len(),
                games,
                "the manager lost its games"
            );
        }
        assert_eq!(manager.games().ids(), ["opera-1858", "immortal-1851"]);
    }
}
