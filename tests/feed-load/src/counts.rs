//! What many users saw, added up.

use std::iter::Sum;
use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// Sums over users. Those that say "now" go up and down, the others only up.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Counts {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }

        impl Sub for Counts {
            type Output = Self;

            /// What happened since `earlier`.
            fn sub(self, earlier: Self) -> Self {
                Self { $($field: self.$field.saturating_sub(earlier.$field),)* }
            }
        }
    };
}

counts! {
    /// Users connected now.
    connected,
    /// Connections that were opened.
    opened,
    /// Users without a server now: theirs ended or refused them, or they were sent home, and no
    /// other has acknowledged all their stocks yet. A user who left of its own accord is not one.
    unplaced,
    /// Subscriptions acknowledged now.
    following,
    /// Prices that arrived while they were followed.
    deliveries,
    /// Prices on joining (`"last":true`).
    joining,
    /// Prices that the server said it skipped.
    missed,
    /// Prices that never arrived, and that no `missed` reported.
    lost,
    /// Prices that arrived a second time, or after a newer one.
    doubled,
    /// Prices reported as missed that had not been.
    miscounted,
    /// Reads that brought at least one price.
    reads,
    /// Subscriptions whose prices a server reported as stale, counted each time.
    stale_notices,
    /// Prices that never arrived, of which the status warned and `missed` did not: they were
    /// published between `stale` and the first price after `live`.
    missed_while_stale,
    /// Connections that a server refused or did not answer.
    refused,
    /// Connections that a server ended.
    ended,
    /// Messages that say `error`, and bytes that are not a message.
    faults,
}

impl Counts {
    /// Published prices of which we know what became.
    pub fn accounted(&self) -> u64 {
        self.deliveries + self.missed + self.missed_while_stale + self.lost
    }

    /// Prices that were lost, doubled or miscounted.
    pub fn wrong(&self) -> u64 {
        self.lost + self.doubled + self.miscounted
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, counts| {
            sum += counts;
            sum
        })
    }
}
