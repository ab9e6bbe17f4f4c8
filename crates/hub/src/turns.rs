//! Users with a pace, each in the tick in which it is its turn next.

use crate::pace::Pace;
use std::{collections::BTreeMap, sync::Weak};

/// The time between two ticks, in milliseconds. It bounds how often the manager's task wakes, to 500 times a
/// second; a pace is rounded up to whole ticks, so the shortest has fifty.
pub(crate) const TICK: u64 = 2;

/// 2^32 divided by the golden ratio. The fractions of its multiples divide an interval so that each new one
/// falls into one of the largest gaps: users are spread evenly, however many there are.
const GOLDEN: u32 = 0x9e37_79b9;

/// Below this many turns none is searched for users that are gone.
const FEW: usize = 4096;

/// Whose turn comes when. Ticks are numbered from 0 on; the caller knows which number it is now.
///
/// A user that is gone leaves at its next turn. Until then its turn keeps the memory of its allocation,
/// and not its socket, which is closed when the user is dropped: that is what a weak handle is for. Users that
/// connect and disconnect all the time cannot pile up here for a minute, because a list that has doubled
/// is searched for those that are gone.
pub(crate) struct Turns<U: ?Sized> {
    by_tick: BTreeMap<u64, Vec<Turn<U>>>,
    len: usize,
    /// The length at which all turns are searched.
    search_at: usize,
    /// How many users were added: it decides the next one's place in its interval.
    added: u32,
}

/// A user, and when it is its turn.
pub(crate) struct Turn<U: ?Sized> {
    pub(crate) user: Weak<U>,
    /// The user's pace, in ticks.
    every: u64,
    tick: u64,
}

impl<U: ?Sized> Default for Turns<U> {
    fn default() -> Self {
        Self {
            by_tick: BTreeMap::new(),
            len: 0,
            search_at: FEW,
            added: 0,
        }
    }
}

impl<U: ?Sized> Turns<U> {
    /// Adds a user. Its first turn is after `now`, and within one interval.
    ///
    /// Its place in the interval does not depend on `now`: ten thousand users that reconnect in the same
    /// instant would otherwise be sent their prices in the same instant for as long as they stay.
    pub(crate) fn add(&mut self, user: Weak<U>, pace: Pace, now: u64) {
        if self.len >= self.search_at {
            self.remove_gone();
        }
        let every = ticks_of(pace);
        let place = place(self.added, every);
        self.added = self.added.wrapping_add(1);
        let tick = now - now % every + place;
        let tick = if tick > now { tick } else { tick + every };
        self.put(Turn { user, every, tick });
    }

    /// Moves turns that are due to `slice`, the oldest first, until it has `most`.
    pub(crate) fn take_due(&mut self, now: u64, most: usize, slice: &mut Vec<Turn<U>>) {
        let before = slice.len();
        while slice.len() < most
            && let Some(mut first) = self.by_tick.first_entry()
            && *first.key() <= now
        {
            let turns = first.get_mut();
            let start = turns.len().saturating_sub(most - slice.len());
            slice.extend(turns.drain(start..));
            if turns.is_empty() {
                first.remove();
            }
        }
        self.len -= slice.len() - before;
    }

    /// Gives a user its next turn, unless it is gone. A server that is late by more than an interval does not
    /// send the user twice for it: the turns that have passed meanwhile are left out, and the next one
    /// is at the user's own place again. If it were an interval from now, all users that had waited for the
    /// same delay would have their turns together from then on.
    pub(crate) fn next(&mut self, mut turn: Turn<U>, now: u64) {
        if turn.user.strong_count() > 0 {
            let passed = now.saturating_sub(turn.tick) / turn.every;
            turn.tick += (passed + 1) * turn.every;
            self.put(turn);
        }
    }

    /// The first tick in which it is a user's turn.
    pub(crate) fn first(&self) -> Option<u64> {
        self.by_tick.keys().next().copied()
    }

    /// Every user, in no order.
    pub(crate) fn users(&self) -> Vec<Weak<U>> {
        let turns = self.by_tick.values().flatten();
        turns.map(|turn| Weak::clone(&turn.user)).collect()
    }

    fn put(&mut self, turn: Turn<U>) {
        self.len += 1;
        self.by_tick.entry(turn.tick).or_default().push(turn);
    }

    fn remove_gone(&mut self) {
        self.by_tick.retain(|_, turns| {
            turns.retain(|turn| turn.user.strong_count() > 0);
            !turns.is_empty()
        });
        self.len = self.by_tick.values().map(Vec::len).sum();
        self.search_at = FEW.max(2 * self.len);
    }
}

/// A pace in ticks, rounded up: a user is never sent prices more often than it asked for.
fn ticks_of(pace: Pace) -> u64 {
    let interval = pace.interval().as_micros();
    let interval = u64::try_from(interval).expect("a pace is a minute at most");
    interval.div_ceil(1_000 * TICK)
}

/// The place of the `nth` user in an interval of so many ticks.
fn place(nth: u32, every: u64) -> u64 {
    (u64::from(nth.wrapping_mul(GOLDEN)) * every) >> u32::BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, time::Duration};

    fn pace(milliseconds: u64) -> Pace {
        Pace::new(Duration::from_millis(milliseconds)).unwrap()
    }

    /// Takes everything that is due, and gives each its next turn.
    fn pass(turns: &mut Turns<u32>, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        turns.take_due(now, usize::MAX, &mut due);
        let users = due.iter().filter_map(|turn| turn.user.upgrade());
        let users = users.map(|user| *user).collect();
        due.into_iter().for_each(|turn| turns.next(turn, now));
        users
    }

    #[test]
    fn users_that_are_added_in_one_instant_are_spread_over_the_interval() {
        for (interval, users) in [
            (100, 10_000),
            (1_000, 10_000),
            (1_001, 777),
            (60_000, 5_000),
        ] {
            let mut turns = Turns::default();
            let all: Vec<Arc<u32>> = (0..users).map(Arc::new).collect();
            let now = 12_345;
            for user in &all {
                turns.add(Arc::downgrade(user), pace(interval), now);
            }
            let every = ticks_of(pace(interval));
            let mut parts = [0; 50];
            for (tick, due) in &turns.by_tick {
                assert!((1..=every).contains(&(tick - now)), "{tick}");
                parts[usize::try_from((tick - now - 1) * 50 / every).unwrap()] += due.len();
            }
            let most = 2 * users as usize / 50;
            assert!(
                parts.iter().all(|part| *part <= most),
                "{interval}: {parts:?}"
            );
        }
    }

    #[test]
    fn users_that_are_added_one_an_interval_are_spread_as_well() {
        let mut turns = Turns::default();
        let all: Vec<Arc<u32>> = (0..500).map(Arc::new).collect();
        for (now, user) in (0..).step_by(500).zip(&all) {
            turns.add(Arc::downgrade(user), pace(1_000), now);
        }
        let mut places: Vec<u64> = turns.by_tick.keys().map(|tick| tick % 500).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 400, "{} places", places.len());
    }

    #[test]
    fn a_user_has_one_turn_an_interval_at_its_own_place() {
        let mut turns = Turns::default();
        let user = Arc::new(7);
        turns.add(Arc::downgrade(&user), pace(1_000), 100);
        let first = turns.first().unwrap();
        for n in 0..10 {
            assert!(pass(&mut turns, first + n * 500 - 1).is_empty());
            assert_eq!(pass(&mut turns, first + n * 500), [7]);
        }
    }

    #[test]
    fn turns_that_have_passed_are_one_and_the_place_is_kept() {
        let mut turns = Turns::default();
        let user = Arc::new(7);
        turns.add(Arc::downgrade(&user), pace(1_000), 100);
        let first = turns.first().unwrap();
        assert_eq!(pass(&mut turns, first + 1_700), [7]);
        assert_eq!(turns.first(), Some(first + 2_000));
        assert!(pass(&mut turns, first + 1_999).is_empty());
        assert_eq!(pass(&mut turns, first + 2_000), [7]);
        assert_eq!(turns.first(), Some(first + 2_500));
    }

    #[test]
    fn a_slice_takes_the_oldest_turns_and_leaves_the_rest_due() {
        let mut turns = Turns::default();
        let all: Vec<Arc<u32>> = (0..100).map(Arc::new).collect();
        for user in &all {
            turns.add(Arc::downgrade(user), pace(100), 0);
        }
        let (mut slice, mut taken) = (Vec::new(), Vec::new());
        while turns.first().is_some() {
            turns.take_due(50, 7, &mut slice);
            assert!(slice.len() <= 7);
            taken.extend(slice.drain(..).map(|turn| (turn.tick, turn.user)));
        }
        assert_eq!((taken.len(), turns.len), (100, 0));
        assert!(taken.is_sorted_by_key(|(tick, _)| *tick));
    }

    #[test]
    fn a_user_that_is_gone_leaves_at_its_turn_and_has_no_further_one() {
        let mut turns = Turns::default();
        let [stays, goes] = [Arc::new(1), Arc::new(2)];
        for user in [&stays, &goes] {
            turns.add(Arc::downgrade(user), pace(100), 0);
        }
        drop(goes);
        assert_eq!(pass(&mut turns, 50), [1]);
        assert_eq!((turns.len, turns.by_tick.len()), (1, 1));
        drop(stays);
        assert!(pass(&mut turns, 100).is_empty());
        assert_eq!((turns.len, turns.by_tick.len()), (0, 0));
    }

    #[test]
    fn users_that_come_and_go_do_not_pile_up_until_their_turns() {
        let mut turns = Turns::default();
        let stays: Vec<Arc<u32>> = (0..5_000).map(Arc::new).collect();
        for user in &stays {
            turns.add(Arc::downgrade(user), pace(60_000), 0);
        }
        for n in 0..100_000 {
            turns.add(Arc::downgrade(&Arc::new(n)), pace(60_000), 0);
            assert!(turns.len <= 2 * FEW.max(stays.len()), "{}", turns.len);
        }
        assert_eq!(pass(&mut turns, 30_000).len(), stays.len());
    }
}
