// refused by: the_newest_price_comes_with_the_number_missed

#[derive(Default)]
pub struct SlowUser {
    newest: Option<u32>,
    more: bool,
}

impl SlowUser {
    /// A price arrives while the user's socket is full.
    pub fn offer(&mut self, price: u32) {
        self.more = self.newest.replace(price).is_some();
    }

    /// The socket has room: the price to send, and how many were missed.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        let missed = if std::mem::take(&mut self.more) { 2 } else { 0 };
        self.newest.take().map(|price| (price, missed))
    }
}

fn main() {
    let mut user = SlowUser::default();
    for price in [100, 101, 102] {
        user.offer(price);
    }
    println!("{:?}", user.take());
}
