// refused by: a_refused_move_is_not_in_memory

use std::sync::{Arc, Mutex};
use tokio::sync::watch;

#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

#[derive(Default)]
struct Stored {
    /// The token of the newest lease.
    token: u64,
    moves: Vec<String>,
}

#[derive(Default)]
pub struct Storage {
    stored: Mutex<Stored>,
    /// Writes with this token are on their way until it changes.
    held: watch::Sender<Option<u64>>,
}

impl Storage {
    /// Gives the lease to a new owner: its token, and the moves that are stored.
    pub async fn take(&self) -> (u64, Vec<String>) {
        let mut stored = self.stored.lock().expect("no holder panics");
        stored.token += 1;
        (stored.token, stored.moves.clone())
    }

    /// Whether nobody has taken the lease since.
    pub async fn is_newest(&self, token: u64) -> bool {
        self.stored.lock().expect("no holder panics").token == token
    }

    /// Stores the moves of an owner.
    pub async fn save(&self, token: u64, moves: &[String]) -> Result<(), Refused> {
        self.travel(token).await;
        let mut stored = self.stored.lock().expect("no holder panics");
        if stored.token != token {
            return Err(Refused);
        }
        stored.moves = moves.to_vec();
        Ok(())
    }

    /// The way of a write to the storage, which takes as long as it takes.
    async fn travel(&self, token: u64) {
        let mut held = self.held.subscribe();
        let arrives = held.wait_for(|held| *held != Some(token)).await;
        arrives.expect("the storage is there");
    }
}

pub struct Owner {
    storage: Arc<Storage>,
    token: u64,
    moves: Vec<String>,
}

impl Owner {
    pub async fn of(storage: &Arc<Storage>) -> Self {
        let (token, moves) = storage.take().await;
        let storage = Arc::clone(storage);
        Owner {
            storage,
            token,
            moves,
        }
    }

    pub async fn play(&mut self, text: &str) -> Result<(), Refused> {
        if !self.storage.is_newest(self.token).await {
            return Err(Refused);
        }
        // If the storage refuses it, the move stays here, and players see it.
        self.moves.push(text.to_string());
        self.storage.save(self.token, &self.moves).await
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(async {
        let storage = Arc::new(Storage::default());
        let mut owner = Owner::of(&storage).await;
        println!("{:?}", owner.play("e2e4").await);
        println!("{:?}", storage.take().await);
    });
}
