//! Lesson 3: how long a seat waits for its player. Tokio's clock is paused, so a minute costs nothing.

use std::time::Duration;

use sticky_rooms::board::Seat;
use sticky_rooms::room::{Room, RoomEvent, SEAT_GRACE};
use tokio::time::advance;

fn room(taken: [bool; 2]) -> Room {
    let id = "room".parse().expect("a room's name");
    Room::open(id, 1, Vec::new(), taken).expect("no move is illegal")
}

#[tokio::test(start_paused = true)]
async fn a_seat_waits_a_minute_for_its_player_and_is_free_then() {
    let mut room = room([false; 2]);
    let mut events = room.subscribe();
    room.sit(Seat::White);
    room.stand_up(Seat::White);
    advance(SEAT_GRACE - Duration::from_secs(1)).await;
    assert!(room.is_taken(Seat::White));
    advance(Duration::from_secs(1)).await;
    assert!(!room.is_taken(Seat::White));
    room.announce_seats();
    let mut frames = Vec::new();
    while let Ok(RoomEvent::Frame(text)) = events.try_recv() {
        frames.push(text.to_string());
    }
    assert_eq!(
        frames,
        [
            r#"{"type":"seats","white":true,"black":false}"#,
            r#"{"type":"seats","white":false,"black":false}"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_player_who_is_here_keeps_its_seat_however_long_it_thinks() {
    let mut room = room([false; 2]);
    room.sit(Seat::Black);
    advance(100 * SEAT_GRACE).await;
    assert!(room.is_taken(Seat::Black));
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_minute_begins_when_the_room_is_opened() {
    let mut room = room([true, false]);
    assert!(room.is_taken(Seat::White));
    advance(SEAT_GRACE).await;
    assert!(!room.is_taken(Seat::White));
    room.learn(Seat::White);
    assert!(
        !room.is_taken(Seat::White),
        "it was known, and is still away"
    );
}
