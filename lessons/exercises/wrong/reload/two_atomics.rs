// refused by: two_readers_share_one_copy

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Settings {
    pub most_users: u32,
    pub most_games: u32,
}

impl Settings {
    fn first() -> Self {
        Settings {
            most_users: 100,
            most_games: 200,
        }
    }
}

static MOST_USERS: AtomicU32 = AtomicU32::new(100);
static MOST_GAMES: AtomicU32 = AtomicU32::new(200);

/// The settings that are in force now.
pub fn settings() -> Arc<Settings> {
    // A reload in between these two lines gives a mixture.
    Arc::new(Settings {
        most_users: MOST_USERS.load(Ordering::SeqCst),
        most_games: MOST_GAMES.load(Ordering::SeqCst),
        ..Settings::first()
    })
}

/// Replaces the settings for all who ask from now on.
pub fn reload(new: Settings) {
    MOST_USERS.store(new.most_users, Ordering::SeqCst);
    MOST_GAMES.store(new.most_games, Ordering::SeqCst);
}

fn main() {
    println!("{} users", settings().most_users);
    reload(Settings {
        most_users: 500,
        most_games: 1_000,
    });
    println!("{} users", settings().most_users);
}
