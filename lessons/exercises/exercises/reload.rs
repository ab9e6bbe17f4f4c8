// 20 minutes. Lesson: lessons/10b-life-of-a-static.md
// fails with: the_next_reader_gets_the_new_settings_in_each_thread, a_reader_keeps_what_it_has_and_does_not_stop_a_reload, the_last_reader_drops_the_former_settings
//
// The settings are in a static, and `reload` sets them again. But the second `set` of
// a OnceLock is an error, and `reload` ignores it. A reload must reach the next reader
// in every thread. A reader keeps the settings that it has, and the last one drops them.
//
// TODO: put something into the static that can be replaced as a whole.

use std::sync::{Arc, OnceLock};

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

static SETTINGS: OnceLock<Arc<Settings>> = OnceLock::new();

/// The settings that are in force now.
pub fn settings() -> Arc<Settings> {
    let settings = SETTINGS.get_or_init(|| Arc::new(Settings::first()));
    Arc::clone(settings)
}

/// Replaces the settings for all who ask from now on.
pub fn reload(new: Settings) {
    let _ = SETTINGS.set(Arc::new(new));
}

fn main() {
    println!("{} users", settings().most_users);
    reload(Settings {
        most_users: 500,
        most_games: 1_000,
    });
    println!("{} users", settings().most_users);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread;

    // The tests share the static, so they run one after the other.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload_with(most_users: u32) {
        let most_games = 2 * most_users;
        reload(Settings {
            most_users,
            most_games,
        });
    }

    fn read(settings: &Settings) -> [u32; 2] {
        [settings.most_users, settings.most_games]
    }

    #[test]
    fn the_next_reader_gets_the_new_settings_in_each_thread() {
        let _alone = alone();
        for most_users in [300, 50, 700] {
            reload_with(most_users);
            let new = [most_users, 2 * most_users];
            assert_eq!(read(&settings()), new);
            let other = thread::spawn(|| read(&settings()));
            assert_eq!(other.join().expect("it only reads"), new);
        }
    }

    #[test]
    fn a_reader_keeps_what_it_has_and_does_not_stop_a_reload() {
        let _alone = alone();
        let reader = settings();
        let before = read(&reader);
        reload_with(before[0] + 1);
        assert_eq!(read(&reader), before, "changed under the reader");
        assert_eq!(settings().most_users, before[0] + 1, "not reloaded");
    }

    #[test]
    fn two_readers_share_one_copy() {
        let _alone = alone();
        assert!(Arc::ptr_eq(&settings(), &settings()));
    }

    #[test]
    fn the_last_reader_drops_the_former_settings() {
        let _alone = alone();
        reload_with(10);
        let reader = settings();
        let former = Arc::downgrade(&reader);
        reload_with(20);
        drop(reader);
        assert!(former.upgrade().is_none(), "still there");
    }
}
