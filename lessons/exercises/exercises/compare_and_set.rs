// 25 minutes. Lesson: lessons/01-stateless-server.md
// fails with: two_moves_seven_one_wins, a_move_during_the_comparison_does_not_win_too, of_many_at_the_same_moment_one_wins
//
// Two servers share one database. Six moves are stored, and each server receives
// a move 7, perhaps at the same moment. Exactly one of them must be stored, and
// the other one refused with an error. A move 9 must be refused while there is no
// move 8. A number is anything that can be compared with a count and printed.
//
// TODO: refuse a move whose number is not the next one.

use std::fmt::Display;
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct Database {
    moves: Mutex<Vec<String>>,
}

impl Database {
    /// Stores a move as the move of this number, counted from 1.
    pub fn insert(
        &self,
        number: impl PartialEq<usize> + Display,
        text: &str,
    ) -> Result<(), String> {
        let mut moves = self.moves.lock().expect("no holder panics");
        let _ = number; // nothing looks at it yet
        moves.push(text.to_string());
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.moves.lock().expect("no holder panics").len()
    }
}

pub struct Server {
    database: Arc<Database>,
}

impl Server {
    pub fn new(database: &Arc<Database>) -> Self {
        let database = Arc::clone(database);
        Server { database }
    }

    pub fn play(&self, number: impl PartialEq<usize> + Display, text: &str) -> Result<(), String> {
        self.database.insert(number, text)
    }
}

fn main() {
    let database = Arc::new(Database::default());
    let (one, two) = (Server::new(&database), Server::new(&database));
    println!("{:?} {:?}", one.play(1, "e2e4"), two.play(1, "d2d4"));
    println!("moves: {}", database.count());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::fmt::{self, Formatter};
    use std::sync::Barrier;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn two_moves_seven_one_wins() {
        let database = Arc::new(Database::default());
        let (one, two) = (Server::new(&database), Server::new(&database));
        for number in 1..=6 {
            let server = if number % 2 == 1 { &one } else { &two };
            server
                .play(number, "e2e4")
                .expect("the next move is stored");
        }
        assert!(two.play(8, "e7e5").is_err(), "a move is missing before it");
        assert!(two.play(0, "e7e5").is_err(), "there is no move 0");
        let (first, second) = (one.play(7, "g1f3"), two.play(7, "b1c3"));
        assert!(
            first.is_ok() != second.is_ok(),
            "exactly one move 7 must win"
        );
        assert_eq!(database.count(), 7);
    }

    // A number that lets another server play when a comparison finds it equal, before it says so.
    struct Compared<'a> {
        number: usize,
        meanwhile: &'a dyn Fn(),
    }

    impl PartialEq<usize> for Compared<'_> {
        fn eq(&self, other: &usize) -> bool {
            let is_equal = self.number == *other;
            if is_equal {
                (self.meanwhile)();
            }
            is_equal
        }
    }

    impl Display for Compared<'_> {
        fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            self.number.fmt(formatter)
        }
    }

    // The second server plays a move 7 while the first one compares its own for the n-th time.
    fn moves_stored_when_the_second_plays_at_comparison(n: usize) -> usize {
        let database = Arc::new(Database::default());
        let (one, two) = (Server::new(&database), Server::new(&database));
        for number in 1..=6 {
            let stored = one.play(number, "e2e4");
            stored.expect("the next move is stored");
        }
        std::thread::scope(|scope| {
            let ((begin, begun), (end, ended)) = (channel(), channel());
            scope.spawn(move || {
                let _ = begun.recv();
                let _ = two.play(7, "b1c3");
                let _ = end.send(());
            });
            let comparisons = Cell::new(0);
            let meanwhile = || {
                comparisons.set(comparisons.get() + 1);
                if comparisons.get() == n {
                    let _ = begin.send(());
                    // If the lock is held during the comparison, the second server waits for it, and
                    // this ends at its deadline. Otherwise the second server is done long before.
                    let _ = ended.recv_timeout(Duration::from_secs(1));
                }
            };
            let number = Compared {
                number: 7,
                meanwhile: &meanwhile,
            };
            let _ = one.play(number, "g1f3");
            // The second server plays now if there were fewer comparisons.
            let _ = begin.send(());
        });
        database.count()
    }

    #[test]
    fn a_move_during_the_comparison_does_not_win_too() {
        for n in 1..=3 {
            let stored = moves_stored_when_the_second_plays_at_comparison(n);
            assert_eq!(stored, 7, "both moves 7 are stored");
        }
    }

    #[test]
    fn of_many_at_the_same_moment_one_wins() {
        const SERVERS: usize = 8;
        let database = Arc::new(Database::default());
        let start = Barrier::new(SERVERS);
        for number in 1..=400 {
            let wins: usize = std::thread::scope(|scope| {
                let play = || {
                    let server = Server::new(&database);
                    start.wait();
                    usize::from(server.play(number, "e2e4").is_ok())
                };
                let threads: Vec<_> = (0..SERVERS).map(|_| scope.spawn(play)).collect();
                let wins = threads
                    .into_iter()
                    .map(|thread| thread.join().expect("it plays"));
                wins.sum()
            });
            assert_eq!(wins, 1, "of {SERVERS} moves {number}");
        }
        assert_eq!(database.count(), 400);
    }
}
