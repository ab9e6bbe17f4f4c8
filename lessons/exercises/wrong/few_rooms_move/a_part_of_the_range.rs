// refused by: a_fourth_server_takes_a_quarter_and_no_other_room_moves, two_routers_whose_lists_have_another_order_agree

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

/// Each server has an equal part of all hashes, and all borders change with the number of parts.
pub fn server_of<'a>(room: &str, up: &[&'a str]) -> Option<&'a str> {
    let place = (u128::from(hash(room)) * up.len() as u128) >> 64;
    up.get(place as usize).copied()
}

fn main() {
    for room in ["opera-1858", "immortal-1851"] {
        println!("{room}: {:?}", server_of(room, &["a", "b", "c"]));
    }
}
