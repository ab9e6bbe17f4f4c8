// refused by: the_last_reader_drops_the_former_settings

use std::sync::{Arc, Mutex};

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

static SETTINGS: Mutex<Vec<Arc<Settings>>> = Mutex::new(Vec::new());

/// The settings that are in force now.
pub fn settings() -> Arc<Settings> {
    let mut settings = SETTINGS.lock().expect("no reader panics in here");
    if settings.is_empty() {
        settings.push(Arc::new(Settings::first()));
    }
    Arc::clone(&settings[settings.len() - 1])
}

/// Replaces the settings for all who ask from now on.
pub fn reload(new: Settings) {
    let mut settings = SETTINGS.lock().expect("no reader panics in here");
    settings.push(Arc::new(new));
}

fn main() {
    println!("{} users", settings().most_users);
    reload(Settings {
        most_users: 500,
        most_games: 1_000,
    });
    println!("{} users", settings().most_users);
}
