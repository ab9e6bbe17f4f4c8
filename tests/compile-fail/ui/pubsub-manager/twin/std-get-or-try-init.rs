//! In place of std's `OnceLock`: once_cell's cell stays empty after a failure, and may be tried again.

use once_cell::sync::OnceCell;

static PORT: OnceCell<u16> = OnceCell::new();

pub fn main() {
    let port = PORT.get_or_try_init(|| "three thousand".parse::<u16>());
    assert!(port.is_err() && PORT.get().is_none());

    let port = PORT.get_or_try_init(|| "3000".parse::<u16>());
    assert_eq!(port, Ok(&3000));
}
