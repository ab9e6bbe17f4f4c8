// 25 minutes. Lesson: lessons/13a-one-price.md
// fails with: the_newest_price_comes_with_the_number_missed, four_million_prices_take_no_more_room_than_one
//
// A slow user gets the newest price and the number of prices missed before it.
// At most one price waits for a user. The count starts again after each price sent.
//
// TODO: keep the newest price, and count the others.

use std::collections::VecDeque;

#[derive(Default)]
pub struct SlowUser {
    pending: VecDeque<u32>,
}

impl SlowUser {
    /// A price arrives while the user's socket is full.
    pub fn offer(&mut self, price: u32) {
        self.pending.push_back(price);
    }

    /// The socket has room: the price to send, and how many were missed.
    pub fn take(&mut self) -> Option<(u32, u32)> {
        self.pending.pop_front().map(|price| (price, 0))
    }
}

fn main() {
    let mut user = SlowUser::default();
    for price in [100, 101, 102] {
        user.offer(price);
    }
    println!("{:?}", user.take());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_price_comes_with_the_number_missed() {
        let mut user = SlowUser::default();
        assert_eq!(user.take(), None, "nothing was offered");
        for price in [100, 103, 102] {
            user.offer(price);
        }
        assert_eq!(user.take(), Some((102, 2)));
        assert_eq!(user.take(), None, "more than one price was kept");
        user.offer(99);
        assert_eq!(user.take(), Some((99, 0)));
        for missed in [0, 1, 4, 1_000] {
            (0..=missed).for_each(|price| user.offer(price));
            assert_eq!(user.take(), Some((missed, missed)));
        }
    }

    // How much memory this process uses, in pages; 0 if the system is not Linux.
    fn pages() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let resident = statm.split(' ').nth(1);
        resident.and_then(|pages| pages.parse().ok()).unwrap_or(0)
    }

    // A queue that is emptied later holds them all until then.
    #[test]
    fn four_million_prices_take_no_more_room_than_one() {
        let mut user = SlowUser::default();
        let before = pages();
        (0..4_000_000).for_each(|price| user.offer(price));
        let grown = pages().saturating_sub(before);
        assert!(grown < 1_000, "{grown} pages are kept for one user");
        assert_eq!(user.take(), Some((3_999_999, 3_999_999)));
    }
}
