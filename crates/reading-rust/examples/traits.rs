//! A trait is an interface, `<S: Store>` says which types a function takes, and `derive` writes code.

trait Store {
    fn games(&self) -> usize;
}

#[derive(Debug, Default)]
struct InMemory {
    games: Vec<String>,
}

impl Store for InMemory {
    fn games(&self) -> usize {
        self.games.len()
    }
}

fn report<S: Store>(store: &S) {
    println!("{} games", store.games());
}

fn main() {
    let mut store = InMemory::default();
    report(&store);
    store.games.push("opera-1858".into());
    report(&store);
    println!("{store:?}");
}
