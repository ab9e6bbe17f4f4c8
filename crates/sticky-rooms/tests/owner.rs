//! Lesson 4: which server a room lives on.

use sticky_rooms::router::owner::{by_remainder, owner};

const ROOMS: usize = 10_000;

fn rooms() -> impl Iterator<Item = String> {
    (1..=ROOMS).map(|number| format!("room-{number}"))
}

fn share(server: usize, up: &[usize]) -> usize {
    rooms()
        .filter(|room| owner(room, up) == Some(server))
        .count()
}

#[test]
fn three_servers_get_about_a_third_each() {
    for server in 1..=3 {
        let share = share(server, &[1, 2, 3]);
        assert!((3_100..3_600).contains(&share), "server {server}: {share}");
    }
}

#[test]
fn a_lost_server_moves_only_its_own_rooms_and_both_survivors_get_some() {
    let (mut to_one, mut to_three) = (0, 0);
    for room in rooms() {
        let (before, after) = (owner(&room, &[1, 2, 3]), owner(&room, &[1, 3]));
        match (before, after) {
            (Some(2), Some(1)) => to_one += 1,
            (Some(2), Some(3)) => to_three += 1,
            _ => assert_eq!(before, after, "{room}"),
        }
    }
    assert!(to_one.min(to_three) > 1_500, "{to_one} and {to_three}");
}

#[test]
fn a_fourth_server_takes_about_a_quarter_and_nothing_else_moves() {
    let mut taken = 0;
    for room in rooms() {
        let (before, after) = (owner(&room, &[1, 2, 3]), owner(&room, &[1, 2, 3, 4]));
        match after {
            Some(4) => taken += 1,
            _ => assert_eq!(before, after, "{room}"),
        }
    }
    assert!((2_300..2_700).contains(&taken), "{taken}");
}

#[test]
fn by_the_remainder_two_of_three_rooms_move() {
    let moved = rooms()
        .filter(|room| by_remainder(room, &[1, 2, 3]) != by_remainder(room, &[1, 3]))
        .count();
    assert!((6_300..7_000).contains(&moved), "{moved}");
}

#[test]
fn without_a_server_there_is_no_owner() {
    assert_eq!(owner("room-1", &[]), None);
    assert_eq!(by_remainder("room-1", &[]), None);
}
