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
        std::thread::spawn(|| add_game("opera-1858"))
            .join()
            .expect("the thread adds a game");
        assert_eq!(games(), ["opera-1858"], "this thread does not see the game");
    }
}
