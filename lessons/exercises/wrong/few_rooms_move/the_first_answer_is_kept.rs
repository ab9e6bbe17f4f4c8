// refused by: a_fourth_server_takes_a_quarter_and_no_other_room_moves

use std::collections::BTreeMap;
use std::sync::Mutex;

/// A hash that spreads well: a name that differs in one letter has another one.
pub fn hash(text: &str) -> u64 {
    // FNV-1a, and the last step of MurmurHash3.
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

static PLACES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Each room stays where it was first, so that a new server gets nothing, and another router, which has
/// another map, sends players elsewhere.
pub fn server_of<'a>(room: &str, up: &[&'a str]) -> Option<&'a str> {
    let mut places = PLACES.lock().expect("no holder panics");
    let kept = places.get(room).cloned();
    let at = up
        .iter()
        .copied()
        .find(|server| kept.as_deref() == Some(server));
    let at = at.or_else(|| {
        up.iter()
            .copied()
            .max_by_key(|one| hash(&format!("{one} {room}")))
    })?;
    places.insert(room.to_string(), at.to_string());
    Some(at)
}

fn main() {
    for room in ["opera-1858", "immortal-1851"] {
        println!("{room}: {:?}", server_of(room, &["a", "b", "c"]));
    }
}
