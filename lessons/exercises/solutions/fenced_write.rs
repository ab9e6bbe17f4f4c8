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
        let mut moves = self.moves.clone();
        moves.push(text.to_string());
        self.storage.save(self.token, &moves).await?;
        self.moves = moves;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinHandle;

    const LATE: &str = "g1f3";

    fn moves(storage: &Storage) -> Vec<String> {
        let stored = storage.stored.lock().expect("no holder panics");
        stored.moves.clone()
    }

    // An owner whose write of a move is on its way until the storage holds nothing any more.
    async fn late(storage: &Arc<Storage>) -> JoinHandle<(Owner, Result<(), Refused>)> {
        let mut owner = Owner::of(storage).await;
        assert_eq!(owner.play("e2e4").await, Ok(()));
        storage.held.send_replace(Some(owner.token));
        let playing = tokio::spawn(async move {
            let played = owner.play(LATE).await;
            (owner, played)
        });
        // The write is on its way when somebody waits for `held`.
        while storage.held.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        playing
    }

    async fn arrives(
        storage: &Storage,
        playing: JoinHandle<(Owner, Result<(), Refused>)>,
    ) -> (Owner, Result<(), Refused>) {
        storage.held.send_replace(None);
        let ended = tokio::time::timeout(Duration::from_secs(30), playing).await;
        ended.expect("a write arrives").expect("no panic")
    }

    // tokio starts a runtime for each of these, and makes of it a plain #[test]
    #[tokio::test]
    async fn a_late_write_of_a_former_owner_is_refused() {
        let storage = Arc::new(Storage::default());
        let playing = late(&storage).await;
        let mut new = Owner::of(&storage).await;
        assert_eq!(new.play("d2d4").await, Ok(()));
        let (_, played) = arrives(&storage, playing).await;
        assert_eq!(played, Err(Refused));
        assert_eq!(moves(&storage), ["e2e4", "d2d4"]);
    }

    #[tokio::test]
    async fn a_late_write_is_refused_before_the_new_owner_has_written() {
        let storage = Arc::new(Storage::default());
        let playing = late(&storage).await;
        // It has loaded one move, so that it does not know of another one.
        let mut new = Owner::of(&storage).await;
        let (_, played) = arrives(&storage, playing).await;
        assert_eq!(played, Err(Refused));
        assert_eq!(new.play("d2d4").await, Ok(()));
        assert_eq!(moves(&storage), ["e2e4", "d2d4"]);
    }

    #[tokio::test]
    async fn a_refused_move_is_not_in_memory() {
        let storage = Arc::new(Storage::default());
        let playing = late(&storage).await;
        let _new = Owner::of(&storage).await;
        let (former, played) = arrives(&storage, playing).await;
        let has_it = former.moves.iter().any(|text| text == LATE);
        assert_eq!(has_it, played.is_ok(), "{:?}", former.moves);
    }

    #[tokio::test]
    async fn a_write_that_took_long_is_stored_if_nobody_took_the_lease() {
        let storage = Arc::new(Storage::default());
        let playing = late(&storage).await;
        let (_, played) = arrives(&storage, playing).await;
        assert_eq!(played, Ok(()));
        assert_eq!(moves(&storage), ["e2e4", LATE]);
    }

    #[tokio::test]
    async fn an_owner_without_a_newer_one_plays_on() {
        let storage = Arc::new(Storage::default());
        for text in ["e2e4", "e7e5"] {
            let mut owner = Owner::of(&storage).await;
            assert_eq!(owner.play(text).await, Ok(()));
            assert_eq!(owner.play("and again").await, Ok(()));
        }
        assert_eq!(moves(&storage).len(), 4);
    }
}
