// refused by: the_answer_ends_when_the_game_is_made

use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    NoSuchGame,
    Moves(u32),
}

/// The cache that all servers share.
#[derive(Default)]
pub struct SharedCache {
    answers: Mutex<HashMap<String, Answer>>,
}

impl SharedCache {
    /// The answer that is kept for a game.
    pub fn get(&self, id: &str) -> Option<Answer> {
        self.answers.lock().unwrap().get(id).copied()
    }

    /// Keeps what a server has loaded from the database.
    pub fn put(&self, id: &str, answer: Answer) {
        let mut answers = self.answers.lock().unwrap();
        answers.insert(id.to_string(), answer);
    }

    /// A server has made this game: it is in the database now.
    pub fn made(&self, id: &str) {
        // The answer ends with its time to live.
        let _ = id;
    }
}

fn main() {
    let cache = SharedCache::default();
    cache.put("opera-1858", Answer::NoSuchGame);
    println!("before it is made: {:?}", cache.get("opera-1858"));
    cache.made("opera-1858");
    println!("after it is made:  {:?}", cache.get("opera-1858"));
}
