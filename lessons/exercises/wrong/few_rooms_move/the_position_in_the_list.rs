// refused by: a_lost_server_moves_its_own_rooms_only, two_routers_whose_lists_have_another_order_agree

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

/// The score has the server's position, and the positions change when a server is lost.
pub fn server_of<'a>(room: &str, up: &[&'a str]) -> Option<&'a str> {
    let scores = up.iter().copied().enumerate();
    let greatest = scores.max_by_key(|(at, _)| hash(&format!("{at} {room}")));
    greatest.map(|(_, server)| server)
}

fn main() {
    for room in ["opera-1858", "immortal-1851"] {
        println!("{room}: {:?}", server_of(room, &["a", "b", "c"]));
    }
}
