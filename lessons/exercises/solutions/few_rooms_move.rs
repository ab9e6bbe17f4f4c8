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

/// The server of a room, of those that are up; none if no server is.
pub fn server_of<'a>(room: &str, up: &[&'a str]) -> Option<&'a str> {
    up.iter()
        .copied()
        .max_by_key(|server| hash(&format!("{server} {room}")))
}

fn main() {
    for room in ["opera-1858", "immortal-1851"] {
        println!("{room}: {:?}", server_of(room, &["a", "b", "c"]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: usize = 2_000;

    fn rooms() -> impl Iterator<Item = String> {
        (1..=ROOMS).map(|number| format!("room-{number}"))
    }

    // How many rooms go from one server to another one when the servers change.
    fn moves(before: &[&str], after: &[&str]) -> Vec<(String, String)> {
        let places = rooms().map(|room| {
            let before = server_of(&room, before).expect("a server is up");
            let after = server_of(&room, after).expect("a server is up");
            (before.to_string(), after.to_string())
        });
        places.filter(|(before, after)| before != after).collect()
    }

    #[test]
    fn a_fourth_server_takes_a_quarter_and_no_other_room_moves() {
        let moves = moves(&["a", "b", "c"], &["a", "b", "c", "d"]);
        assert!(moves.iter().all(|(_, to)| to == "d"), "only to the new one");
        let quarter = ROOMS / 4 - 100..ROOMS / 4 + 100;
        assert!(quarter.contains(&moves.len()), "{} rooms move", moves.len());
    }

    #[test]
    fn a_lost_server_moves_its_own_rooms_only() {
        let moves = moves(&["a", "b", "c"], &["a", "c"]);
        assert!(moves.iter().all(|(from, _)| from == "b"), "only its own");
        let to_a = moves.iter().filter(|(_, to)| to == "a").count();
        let half = moves.len() / 2;
        assert!(
            to_a.abs_diff(half) < 60,
            "{to_a} of {} go to a",
            moves.len()
        );
    }

    #[test]
    fn two_routers_whose_lists_have_another_order_agree() {
        for room in rooms() {
            let one = server_of(&room, &["a", "b", "c"]);
            assert_eq!(one, server_of(&room, &["c", "a", "b"]), "{room}");
        }
    }

    #[test]
    fn three_servers_get_about_a_third_each() {
        for server in ["a", "b", "c"] {
            let at = rooms().filter(|room| server_of(room, &["a", "b", "c"]) == Some(server));
            let share = at.count();
            assert!(share.abs_diff(ROOMS / 3) < 100, "{server} has {share}");
        }
    }

    #[test]
    fn without_a_server_there_is_no_answer() {
        assert_eq!(server_of("opera-1858", &[]), None);
    }
}
