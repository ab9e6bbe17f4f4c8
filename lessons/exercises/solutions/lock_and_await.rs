// 25 minutes. Lesson: lessons/00b-reading-async-rust.md
// fails with: a_known_room_does_not_wait_for_the_database, two_rooms_are_made_at_the_same_time
//
// A server remembers the room of each game. For a new game it asks the database,
// which is slow. While one user waits for the database, no user of another game may
// wait. Two users of one game must get the same room, even if both ask the database.

use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Default)]
pub struct Rooms {
    rooms: Mutex<HashMap<String, u32>>,
}

impl Rooms {
    /// The room of a game. `database` makes a new room when it is awaited.
    pub async fn enter(&self, game: &str, database: impl Future<Output = u32>) -> u32 {
        if let Some(room) = self.rooms.lock().expect("no holder panics").get(game) {
            return *room;
        }
        let room = database.await;
        let mut rooms = self.rooms.lock().expect("no holder panics");
        // Another user of this game may have stored a room meanwhile: that one stays.
        *rooms.entry(game.to_string()).or_insert(room)
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime starts");
    let rooms = Rooms::default();
    let room = runtime.block_on(rooms.enter("opera-1858", async { 1 }));
    println!("opera-1858 is played in room {room}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::sync::Arc;
    use tokio::sync::oneshot;
    use tokio::task::{JoinHandle, yield_now};

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime starts").block_on(test);
    }

    // All tasks share one thread, so after this each of them has done what it can.
    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    type Shared = Arc<Rooms>;

    fn user(
        rooms: &Shared,
        game: &'static str,
        database: impl Future<Output = u32> + Send + 'static,
    ) -> JoinHandle<u32> {
        let rooms = Arc::clone(rooms);
        tokio::spawn(async move { rooms.enter(game, database).await })
    }

    async fn room_of(user: JoinHandle<u32>) -> u32 {
        settle().await;
        assert!(user.is_finished(), "the user still waits");
        user.await.expect("the user gets a room")
    }

    fn no_other_room() -> u32 {
        panic!("the game has a room already")
    }

    #[test]
    fn a_known_room_does_not_wait_for_the_database() {
        run(async {
            let rooms = Shared::default();
            let known = [("opera-1858", 7), ("immortal-1851", 9)];
            for (game, room) in known {
                assert_eq!(room_of(user(&rooms, game, ready(room))).await, room);
            }
            let _slow = user(&rooms, "evergreen-1852", pending());
            settle().await;
            for (game, room) in known {
                let user = user(&rooms, game, async { no_other_room() });
                assert_eq!(room_of(user).await, room);
            }
        });
    }

    #[test]
    fn two_rooms_are_made_at_the_same_time() {
        run(async {
            let rooms = Shared::default();
            let _slow = user(&rooms, "evergreen-1852", pending());
            settle().await;
            assert_eq!(room_of(user(&rooms, "opera-1858", ready(7))).await, 7);
        });
    }

    #[test]
    fn two_users_of_one_game_get_one_room() {
        for is_in_order in [true, false] {
            run(async {
                let rooms = Shared::default();
                let ((send_7, seven), (send_9, nine)) = (oneshot::channel(), oneshot::channel());
                let one = user(&rooms, "opera-1858", async { seven.await.expect("sent") });
                let two = user(&rooms, "opera-1858", async { nine.await.expect("sent") });
                settle().await;
                let mut answers = [(send_7, 7), (send_9, 9)];
                if !is_in_order {
                    answers.reverse();
                }
                for (send, room) in answers {
                    // An error means that this user no longer needs an answer.
                    let _ = send.send(room);
                    settle().await;
                }
                let room = room_of(one).await;
                assert_eq!(room_of(two).await, room, "two rooms for one game");
                let later = user(&rooms, "opera-1858", async { no_other_room() });
                assert_eq!(room_of(later).await, room, "the room has changed");
            });
        }
    }
}
