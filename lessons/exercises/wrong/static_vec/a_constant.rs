// 20 minutes. Lesson: lessons/05-module-store.md
// fails with: E0596
//
// One list of games belongs to the whole process. Every thread may add a game,
// and every thread sees what the others added. `unsafe` is forbidden here.

pub fn add_game(id: &str) {
    println!("added {id}");
}

pub fn games() -> Vec<String> {
    vec!["opera-1858".to_string()]
}

fn main() {
    add_game("opera-1858");
    println!("games: {:?}", games());
}
