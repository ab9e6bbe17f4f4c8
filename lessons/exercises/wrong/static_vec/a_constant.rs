// refused by: a_game_added_by_one_thread_is_seen_by_another

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
