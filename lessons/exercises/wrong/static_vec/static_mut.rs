// refused by: unsafe_code

static mut GAMES: Vec<String> = Vec::new();

#[allow(static_mut_refs)]
pub fn add_game(id: &str) {
    unsafe { GAMES.push(id.to_string()) };
}

#[allow(static_mut_refs)]
pub fn games() -> Vec<String> {
    unsafe { GAMES.clone() }
}

fn main() {}
