use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Database {
    moves: Mutex<Vec<String>>,
}

impl Database {
    /// Stores a move as the move of this number, counted from 1.
    pub fn insert(&self, number: usize, text: &str) -> Result<(), String> {
        let mut moves = self.moves.lock().expect("no holder panics");
        println!("move {number} is {text}");
        moves.push(text.to_string());
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.moves.lock().expect("no holder panics").len()
    }
}

pub struct Server {
    database: Arc<Database>,
    playing: Mutex<()>,
}

impl Server {
    pub fn new(database: &Arc<Database>) -> Self {
        let database = Arc::clone(database);
        let playing = Mutex::new(());
        Server { database, playing }
    }

    pub fn play(&self, number: usize, text: &str) -> Result<(), String> {
        let _playing = self.playing.lock().expect("no holder panics");
        self.database.insert(number, text)
    }
}

fn main() {
    let database = Arc::new(Database::default());
    let (one, two) = (Server::new(&database), Server::new(&database));
    println!("{:?} {:?}", one.play(1, "e2e4"), two.play(1, "d2d4"));
    println!("moves: {}", database.count());
}
