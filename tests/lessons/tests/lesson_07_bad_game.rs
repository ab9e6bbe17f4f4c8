//! Lesson 7: a GameManager made anew in each file, and Rust's own ways to own two by accident.
//! Every test here asserts a wrong answer; its name says why it is wrong.

use bad_game::{GameManager, logger};
use lesson_tests::{example, program, run, verdict};

#[test]
fn the_logger_never_sees_a_game() {
    let program = program("bad-game").unwrap();
    let output = run(program.command().args(["--add-every", "0"]), "").unwrap();
    assert_eq!(
        verdict(&output),
        "main added 10 games, the logger sees 0: two managers, two lists"
    );
}

#[test]
fn a_second_file_with_its_own_manager_sees_no_games() {
    let mine = GameManager::new();
    for game in game::famous() {
        mine.add_game(game).unwrap();
    }
    assert_eq!(mine.games().len(), 10);
    assert_eq!(
        logger::look(&mut std::io::sink()).unwrap().games,
        0,
        "logger.rs has made its own"
    );
}

#[test]
fn a_const_makes_a_manager_at_each_use() {
    assert_eq!(
        accident("const_manager"),
        "10 games added, 0 seen: 11 managers, one for each use of the const"
    );
}

#[test]
fn a_thread_local_makes_a_manager_for_each_thread() {
    assert_eq!(
        accident("thread_local_manager"),
        "10 games added, 0 seen: 2 managers, one for each thread"
    );
}

#[test]
fn a_derived_default_is_a_public_constructor() {
    assert_eq!(
        accident("derived_default"),
        "10 games added, 0 seen: `new` is private, and Default is not"
    );
}

#[test]
fn a_derived_deserialize_is_a_public_constructor() {
    assert_eq!(
        accident("derived_deserialize"),
        "10 games added, 0 seen: a line of JSON made a second manager"
    );
}

#[test]
fn a_clone_of_the_data_makes_two_and_a_clone_of_an_arc_shares_one() {
    assert_eq!(
        accident("clone_that_copies"),
        "10 games added, 0 seen by a copy of the data, 10 by a copy of the Arc"
    );
}

fn accident(name: &str) -> String {
    let program = example("bad-game", name).expect("cargo builds it");
    let output = run(&mut program.command(), "").expect("it runs");
    verdict(&output).to_owned()
}
