// refused by: a_load_goes_on_when_its_user_leaves, a_hundred_users_wait_for_one_load

use std::sync::Arc;
use tokio::sync::OnceCell;

#[derive(Default)]
pub struct Cached {
    game: Arc<OnceCell<String>>,
}

impl Cached {
    /// The game. `load` begins to load it when it is awaited.
    pub async fn get(
        &self,
        load: impl Future<Output = Result<String, String>> + Send + 'static,
    ) -> Result<String, String> {
        if let Some(game) = self.game.get() {
            return Ok(game.clone());
        }
        let game = Arc::clone(&self.game);
        let load = tokio::spawn(async move {
            let loaded = load.await?;
            let _ = game.set(loaded.clone());
            Ok(game.get().unwrap_or(&loaded).clone())
        });
        load.await.map_err(|error| error.to_string())?
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
