//! An initialiser that asks for the value that it makes: a static waits for itself, a cell of one thread panics.

use std::cell::LazyCell;
use std::panic::catch_unwind;
use std::sync::{LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;

/// The logger takes its level from the settings, and the settings log that they are read.
static LOGGER: LazyLock<u32> = LazyLock::new(|| *SETTINGS);
static SETTINGS: LazyLock<u32> = LazyLock::new(|| *LOGGER);

static DATABASE: OnceCell<u32> = OnceCell::const_new();

thread_local! {
    static OF_THE_THREAD: LazyCell<u32> = LazyCell::new(of_the_thread);
}

const DEADLINE: Duration = Duration::from_millis(300);

async fn database() -> u32 {
    // A future that contains itself would have no size, so the compiler asks for this box.
    *DATABASE.get_or_init(|| Box::pin(database())).await
}

fn of_the_thread() -> u32 {
    OF_THE_THREAD.with(|cell| **cell)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (logger, made) = mpsc::channel();
    thread::spawn(move || logger.send(*LOGGER));
    println!("LazyLock: {:?}", made.recv_timeout(DEADLINE));
    println!("OnceCell: {:?}", timeout(DEADLINE, database()).await);
    let panicked = catch_unwind(of_the_thread).is_err();
    println!("LazyCell: panicked = {panicked}");
}
