// refused by: two_users_of_one_game_get_one_room

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
        rooms.entry(game.to_string()).or_insert(room);
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
