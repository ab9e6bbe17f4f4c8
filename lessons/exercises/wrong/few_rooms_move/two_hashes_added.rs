// refused by: three_servers_get_about_a_third_each

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

/// Each server adds the same number for all rooms, so that the greatest is the greatest for nearly all.
pub fn server_of<'a>(room: &str, up: &[&'a str]) -> Option<&'a str> {
    up.iter()
        .copied()
        .max_by_key(|server| u128::from(hash(room)) + u128::from(hash(server)))
}

fn main() {
    for room in ["opera-1858", "immortal-1851"] {
        println!("{room}: {:?}", server_of(room, &["a", "b", "c"]));
    }
}
