// refused by: a_reader_keeps_what_it_has_and_does_not_stop_a_reload

use std::sync::{Arc, LazyLock, Mutex};

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

static SETTINGS: LazyLock<Mutex<Arc<Settings>>> =
    LazyLock::new(|| Mutex::new(Arc::new(Settings::first())));

/// The settings that are in force now.
pub fn settings() -> Arc<Settings> {
    Arc::clone(&SETTINGS.lock().expect("no reader panics in here"))
}

/// Replaces the settings for all who ask from now on.
pub fn reload(new: Settings) {
    let mut settings = SETTINGS.lock().expect("no reader panics in here");
    if let Some(settings) = Arc::get_mut(&mut settings) {
        *settings = new;
    }
}

fn main() {
    println!("{} users", settings().most_users);
    reload(Settings {
        most_users: 500,
        most_games: 1_000,
    });
    println!("{} users", settings().most_users);
}
