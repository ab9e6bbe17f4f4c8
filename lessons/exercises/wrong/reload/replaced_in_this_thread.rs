// refused by: the_next_reader_gets_the_new_settings_in_each_thread

use std::cell::RefCell;
use std::sync::Arc;

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

thread_local! {
    static SETTINGS: RefCell<Arc<Settings>> = RefCell::new(Arc::new(Settings::first()));
}

/// The settings that are in force now.
pub fn settings() -> Arc<Settings> {
    SETTINGS.with_borrow(Arc::clone)
}

/// Replaces the settings for all who ask from now on.
pub fn reload(new: Settings) {
    SETTINGS.set(Arc::new(new));
}

fn main() {
    println!("{} users", settings().most_users);
    reload(Settings {
        most_users: 500,
        most_games: 1_000,
    });
    println!("{} users", settings().most_users);
}
