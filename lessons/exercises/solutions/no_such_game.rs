// 20 minutes. Lesson: lessons/02b-one-cache-many-servers.md
// fails with: that_there_is_no_such_game_is_kept
//
// Many readers follow an old link to a game that does not exist. The cache keeps
// games only, so each of them asks the database. "There is no such game" is an
// answer too and can be kept, but it must end when the game is made; and a load that
// read the database before that must not put the old answer back in afterwards.

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
    entries: Mutex<HashMap<String, Entry>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Entry {
    Kept(Answer),
    /// The game exists. How many moves it has is not known here.
    Made,
}

impl SharedCache {
    /// The answer that is kept for a game.
    pub fn get(&self, id: &str) -> Option<Answer> {
        match self.entries.lock().unwrap().get(id) {
            Some(Entry::Kept(answer)) => Some(*answer),
            Some(Entry::Made) | None => None,
        }
    }

    /// Keeps what a server has loaded from the database.
    pub fn put(&self, id: &str, answer: Answer) {
        let mut entries = self.entries.lock().unwrap();
        let knows_the_game = matches!(
            entries.get(id),
            Some(Entry::Made | Entry::Kept(Answer::Moves(_)))
        );
        // The load of this answer read the database before the game was made.
        if answer == Answer::NoSuchGame && knows_the_game {
            return;
        }
        entries.insert(id.to_string(), Entry::Kept(answer));
    }

    /// A server has made this game: it is in the database now.
    pub fn made(&self, id: &str) {
        let mut entries = self.entries.lock().unwrap();
        entries.insert(id.to_string(), Entry::Made);
    }
}

fn main() {
    let cache = SharedCache::default();
    cache.put("opera-1858", Answer::NoSuchGame);
    println!("before it is made: {:?}", cache.get("opera-1858"));
    cache.made("opera-1858");
    println!("after it is made:  {:?}", cache.get("opera-1858"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_no_such_game_is_kept() {
        let cache = SharedCache::default();
        assert_eq!(cache.get("opera-1858"), None, "nobody has asked yet");
        cache.put("opera-1858", Answer::NoSuchGame);
        for _ in 0..2 {
            assert_eq!(cache.get("opera-1858"), Some(Answer::NoSuchGame));
        }
        assert_eq!(cache.get("immortal-1851"), None, "another game");
    }

    #[test]
    fn the_answer_ends_when_the_game_is_made() {
        let cache = SharedCache::default();
        for id in ["opera-1858", "immortal-1851"] {
            cache.put(id, Answer::NoSuchGame);
        }
        cache.made("opera-1858");
        assert_ne!(cache.get("opera-1858"), Some(Answer::NoSuchGame));
        let other = cache.get("immortal-1851");
        assert_ne!(other, Some(Answer::Moves(0)), "it was not made");
        for moves in [0, 1, 33] {
            cache.put("opera-1858", Answer::Moves(moves));
            assert_eq!(cache.get("opera-1858"), Some(Answer::Moves(moves)));
        }
    }

    #[test]
    fn a_load_from_before_the_game_was_made_does_not_put_it_back() {
        let cache = SharedCache::default();
        // Server 1 has read the database: there is no such game. Its answer is on its way.
        cache.made("opera-1858");
        cache.put("opera-1858", Answer::NoSuchGame);
        assert_ne!(cache.get("opera-1858"), Some(Answer::NoSuchGame));
        // And the same when another server has loaded the game meanwhile.
        cache.put("opera-1858", Answer::Moves(2));
        cache.put("opera-1858", Answer::NoSuchGame);
        assert_eq!(cache.get("opera-1858"), Some(Answer::Moves(2)));
    }
}
