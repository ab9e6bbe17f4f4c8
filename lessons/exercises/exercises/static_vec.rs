// 20 minutes. Lesson: lessons/05-module-store.md
// fails with: E0596
//
// One list of games belongs to the whole process. Every thread may add a game,
// and every thread sees what the others added. `unsafe` is forbidden here.
//
// TODO: let every thread change the list.

static GAMES: Vec<String> = Vec::new();

pub fn add_game(id: &str) {
    GAMES.push(id.to_string());
}

pub fn games() -> Vec<String> {
    GAMES.clone()
}

fn main() {
    add_game("opera-1858");
    println!("games: {:?}", games());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_added_by_one_thread_is_seen_by_another() {
        // All threads add at the same moment, each a game of its own.
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    for game in 0..10_000 {
                        add_game(&format!("game {thread}-{game}"));
                    }
                });
            }
        });
        let mut seen = games();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 80_000, "this thread does not see every game");
        assert!(seen.contains(&"game 7-99".to_string()));
    }
}
