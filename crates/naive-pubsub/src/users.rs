//! Stands in for the users' sockets: keeps what each user was sent. The lecture prints a line here; a list
//! can be counted and compared.

use std::sync::{Mutex, MutexGuard, PoisonError};

static SENT: Mutex<Vec<Sent>> = Mutex::new(Vec::new());

/// One price that one user was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    user: String,
    stock: String,
    price: String,
}

/// Sends one price of one stock to one user.
pub fn send(user: &str, stock: &str, price: &str) {
    lock().push(Sent {
        user: user.into(),
        stock: stock.into(),
        price: price.into(),
    });
}

/// Every price of `stock` that `user` was sent, oldest first.
pub fn sent_to(user: &str, stock: &str) -> Vec<String> {
    let mine = |sent: &&Sent| sent.user == user && sent.stock == stock;
    lock()
        .iter()
        .filter(mine)
        .map(|sent| sent.price.clone())
        .collect()
}

fn lock() -> MutexGuard<'static, Vec<Sent>> {
    // A list of strings is consistent after every push, so a panic elsewhere does not matter.
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}
