// 25 minutes. Lesson: lessons/13a-one-price.md
// fails with: the_newest_price_comes_with_the_number_missed
//
// A slow user gets the newest price and the number of prices missed before it.
// At most one price waits for a user. The number starts again after each price sent.

#[derive(Default)]
pub struct SlowUser {
    pending: Vec<u32>,
}

impl SlowUser {
    /// A price arrives while the user's socket is full.
    pub fn offer(&mut self, price: u32) {
        self.pending.push(price);
    }

    /// The socket has room: the price to send, and how many were missed.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        let price = self.pending.pop()?;
        let missed = self.pending.len() as u32;
        self.pending.clear();
        Some((price, missed))
    }
}

fn main() {
    let mut user = SlowUser::default();
    for price in [100, 101, 102] {
        user.offer(price);
    }
    println!("{:?}", user.take());
}
