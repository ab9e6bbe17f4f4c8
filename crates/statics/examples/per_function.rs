//! One per function, not per type: a generic function has one static for all types, and a macro has one for
//! each place where it is used.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

trait Kind {
    const NAME: &'static str;
    fn cell() -> &'static OnceLock<String>;
}

struct Game;
struct User;

impl Kind for Game {
    const NAME: &'static str = "game";
    fn cell() -> &'static OnceLock<String> {
        static CELL: OnceLock<String> = OnceLock::new();
        &CELL
    }
}

impl Kind for User {
    const NAME: &'static str = "user";
    fn cell() -> &'static OnceLock<String> {
        static CELL: OnceLock<String> = OnceLock::new();
        &CELL
    }
}

fn in_the_function<K: Kind>() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| K::NAME.to_owned())
}

fn in_each_implementation<K: Kind>() -> &'static str {
    K::cell().get_or_init(|| K::NAME.to_owned())
}

macro_rules! count {
    () => {{
        static COUNT: AtomicU32 = AtomicU32::new(0);
        COUNT.fetch_add(1, Ordering::Relaxed) + 1
    }};
}

fn main() {
    let [game, user] = [in_the_function::<Game>(), in_the_function::<User>()];
    println!("in a generic function:   Game is a {game}, User is a {user}");
    let game = in_each_implementation::<Game>();
    let user = in_each_implementation::<User>();
    println!("in each implementation:  Game is a {game}, User is a {user}");
    println!("in a macro, used twice:  {}, {}", count!(), count!());
    let again: Vec<u32> = (0..2).map(|_| count!()).collect();
    println!("in a macro, used once:   {}, {}", again[0], again[1]);
}
