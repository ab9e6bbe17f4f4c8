//~ E0382
//! Tried: a stock for a user who has left; in the lecture's TypeScript it is never taken out.
//! Refused: to leave is to drop the connection, and what was dropped cannot be lent.
//! Mutation: here: `drop(user);` => `drop(&user);`

use pubsub_manager::{Connection, PubSubManager, Socket, Stock, SubscribeError};

fn leave<S: Socket>(
    manager: &PubSubManager,
    user: Connection<S>,
    stock: Stock,
) -> Result<(), SubscribeError> {
    drop(user);
    manager.user_subscribe(&user, stock)
}

fn main() {}
