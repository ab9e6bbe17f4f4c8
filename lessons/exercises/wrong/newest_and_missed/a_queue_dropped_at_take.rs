// refused by: four_million_prices_take_no_more_room_than_one

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
