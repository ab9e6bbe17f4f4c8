// refused by: a_move_during_the_comparison_does_not_win_too

use std::fmt::Display;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Database {
    moves: Mutex<Vec<String>>,
}

impl Database {
    /// Stores a move as the move of this number, counted from 1.
    pub fn insert(
        &self,
        number: impl PartialEq<usize> + Display,
        text: &str,
    ) -> Result<(), String> {
        if number != self.count() + 1 {
            return Err(format!("move {number} is not the next one"));
        }
        let mut moves = self.moves.lock().expect("no holder panics");
        moves.push(text.to_string());
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.moves.lock().expect("no holder panics").len()
    }
}

pub struct Server {
    database: Arc<Database>,
}

impl Server {
    pub fn new(database: &Arc<Database>) -> Self {
        let database = Arc::clone(database);
        Server { database }
    }

    pub fn play(&self, number: impl PartialEq<usize> + Display, text: &str) -> Result<(), String> {
        self.database.insert(number, text)
    }
}

fn main() {
    let database = Arc::new(Database::default());
    let (one, two) = (Server::new(&database), Server::new(&database));
    println!("{:?} {:?}", one.play(1, "e2e4"), two.play(1, "d2d4"));
    println!("moves: {}", database.count());
}
