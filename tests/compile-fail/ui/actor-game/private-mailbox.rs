//~ E0616
//! Tried: the mailbox itself, to put a message of one's own into it.
//! Refused: the field is private; what the task can be asked are the handle's functions.
//! Mutation: game_manager.rs: `enum Message {` => `pub enum Message {`
//! Mutation: game_manager.rs: `pub struct GameManager(mpsc::Sender<Message>);` => `pub struct GameManager(pub mpsc::Sender<Message>);`

use actor_game::GameManager;

fn capacity(manager: &GameManager) -> usize {
    manager.0.capacity()
}

fn main() {}
