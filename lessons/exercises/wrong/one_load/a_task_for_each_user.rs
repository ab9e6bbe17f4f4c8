// refused by: a_load_goes_on_when_its_user_leaves, a_hundred_users_wait_for_one_load

use tokio::sync::OnceCell;

#[derive(Default)]
pub struct Cached {
    game: OnceCell<String>,
}

impl Cached {
    /// The game. `load` begins to load it when it is awaited.
    pub async fn get(
        &self,
        load: impl Future<Output = Result<String, String>> + Send + 'static,
    ) -> Result<String, String> {
        let load = tokio::spawn(load);
        let load = async { load.await.map_err(|error| error.to_string())? };
        self.game.get_or_try_init(|| load).await.cloned()
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
