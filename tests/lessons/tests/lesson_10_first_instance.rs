//! Lesson 10: who makes the one instance? A file of its own, because the race has to be the first
//! thing that happens in its process.

use std::sync::Barrier;
use std::thread;

use singleton_game::GameManager;

#[test]
fn a_thousand_threads_that_race_to_the_first_instance_make_exactly_one() {
    const THREADS: usize = 1000;
    assert_eq!(GameManager::constructed(), 0, "nobody has asked for it yet");
    let start = Barrier::new(THREADS);
    let addresses: Vec<usize> = thread::scope(|scope| {
        let racer = || {
            start.wait();
            std::ptr::from_ref(GameManager::instance()).addr()
        };
        let racers: Vec<_> = (0..THREADS).map(|_| scope.spawn(racer)).collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect()
    });
    assert_eq!(GameManager::constructed(), 1);
    assert!(addresses.iter().all(|address| *address == addresses[0]));
}
