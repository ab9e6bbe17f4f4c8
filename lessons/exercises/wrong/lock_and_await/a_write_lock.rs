// refused by: a_known_room_does_not_wait_for_the_database, two_rooms_are_made_at_the_same_time

use std::collections::HashMap;
use tokio::sync::RwLock;

#[derive(Default)]
pub struct Rooms {
    rooms: RwLock<HashMap<String, u32>>,
}

impl Rooms {
    /// The room of a game. `database` makes a new room when it is awaited.
    pub async fn enter(&self, game: &str, database: impl Future<Output = u32>) -> u32 {
        let mut rooms = self.rooms.write().await;
        if let Some(room) = rooms.get(game) {
            return *room;
        }
        let room = database.await;
        rooms.insert(game.to_string(), room);
        room
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime starts");
    let rooms = Rooms::default();
    let room = runtime.block_on(rooms.enter("opera-1858", async { 1 }));
    println!("opera-1858 is played in room {room}");
}
