// refused by: the_newest_price_comes_with_the_number_missed

#[derive(Default)]
pub struct SlowUser {
    newest: Option<u32>,
    missed: u8,
}

impl SlowUser {
    /// A price arrives while the user's socket is full.
    pub fn offer(&mut self, price: u32) {
        if self.newest.replace(price).is_some() {
            self.missed = self.missed.saturating_add(1);
        }
    }

    /// The socket has room: the price to send, and how many were missed.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        let price = self.newest.take()?;
        Some((price, u32::from(std::mem::take(&mut self.missed))))
    }
}

fn main() {
    let mut user = SlowUser::default();
    for price in [100, 101, 102] {
        user.offer(price);
    }
    println!("{:?}", user.take());
}
