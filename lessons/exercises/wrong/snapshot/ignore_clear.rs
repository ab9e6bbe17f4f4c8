// refused by: emptying_the_copy_changes_nothing

use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Games(Arc<Mutex<Vec<String>>>);

impl Games {
    pub fn add(&self, id: &str) {
        let mut games = self.0.lock().expect("no holder panics");
        games.push(id.to_string());
    }

    pub fn clear(&self) {}

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
