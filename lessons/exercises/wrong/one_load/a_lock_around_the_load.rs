// refused by: a_load_goes_on_when_its_user_leaves

use tokio::sync::Mutex;

#[derive(Default)]
pub struct Cached {
    game: Mutex<Option<String>>,
}

impl Cached {
    /// The game. `load` begins to load it when it is awaited.
    pub async fn get(
        &self,
        load: impl Future<Output = Result<String, String>> + Send + 'static,
    ) -> Result<String, String> {
        let mut game = self.game.lock().await;
        if let Some(game) = &*game {
            return Ok(game.clone());
        }
        let loaded = load.await?;
        Ok(game.insert(loaded).clone())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(async {
        let cached = Cached::default();
        println!(
            "{:?}",
            cached.get(async { Err("no database".into()) }).await
        );
        println!("{:?}", cached.get(async { Ok("e2e4 e7e5".into()) }).await);
    });
}
