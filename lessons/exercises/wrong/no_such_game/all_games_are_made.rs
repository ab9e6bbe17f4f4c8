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
        let answers = self.answers.lock().unwrap();
        answers.get(id).copied()
    }

    /// Keeps what a server has loaded from the database.
    pub fn put(&self, id: &str, answer: Answer) {
        let mut answers = self.answers.lock().unwrap();
        if answer == Answer::NoSuchGame && answers.contains_key(id) {
            return;
        }
        answers.insert(id.to_string(), answer);
    }

    /// A server has made this game: it is in the database now.
    pub fn made(&self, id: &str) {
        let mut answers = self.answers.lock().unwrap();
        for answer in answers.values_mut() {
            *answer = Answer::Moves(0);
        }
        answers.insert(id.to_string(), Answer::Moves(0));
    }
}

fn main() {
    let cache = SharedCache::default();
    cache.put("opera-1858", Answer::NoSuchGame);
    println!("before it is made: {:?}", cache.get("opera-1858"));
    cache.made("opera-1858");
    println!("after it is made:  {:?}", cache.get("opera-1858"));
}
