//! Made when? At the first use, by the thread or task that comes first. The others wait for it.

use std::sync::LazyLock;

use tokio::sync::OnceCell;
use tokio::task::yield_now;

static GAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    println!("  the games are read");
    vec!["opera-1858"]
});

static DATABASE: OnceCell<u32> = OnceCell::const_new();

async fn connect(user: &str) -> u32 {
    println!("  {user} connects");
    // The database takes its time, and other users run meanwhile.
    yield_now().await;
    5432
}

async fn query(user: &str) -> u32 {
    println!("  {user} asks");
    *DATABASE.get_or_init(|| connect(user)).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("main begins");
    for use_number in ["first", "second"] {
        println!("{use_number} use: {} game", GAMES.len());
    }
    println!("three users at once");
    let ports = tokio::join!(query("asha"), query("bo"), query("carol"));
    println!("one connection: {ports:?}");
}
