//! The one instance: one file, one process, one test, because what is started stays started.

use pubsub_manager::{NotStarted, Options, PubSubManager, StartError};
use std::{
    ptr,
    sync::{Barrier, mpsc},
    thread,
};

#[test]
fn of_many_threads_that_start_it_one_does_and_all_get_the_same() {
    assert_eq!(PubSubManager::instance().unwrap_err(), NotStarted);
    let outside = PubSubManager::start(Options::default());
    assert!(matches!(outside, Err(StartError::NoRuntime)), "{outside:?}");

    // A failure leaves nothing behind: it can be tried again, by sixteen at once.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let all_ready = Barrier::new(16);
    let (sender, started) = mpsc::channel();
    thread::scope(|scope| {
        for sender in std::iter::repeat_n(sender, 16) {
            let (runtime, all_ready) = (&runtime, &all_ready);
            scope.spawn(move || {
                let _inside = runtime.enter();
                all_ready.wait();
                let mine = PubSubManager::start(Options::default());
                sender.send((mine, PubSubManager::instance())).unwrap();
            });
        }
    });
    let (mut firsts, mut seconds) = (0, 0);
    let the_one = PubSubManager::instance().unwrap();
    for (mine, seen) in started {
        assert!(ptr::eq(seen.unwrap(), the_one));
        match mine {
            Ok(manager) => {
                assert!(ptr::eq(manager, the_one));
                firsts += 1;
            }
            Err(StartError::AlreadyStarted) => seconds += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((firsts, seconds), (1, 15));
}
