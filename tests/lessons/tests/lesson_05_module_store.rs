//! Lesson 5: state in a process, shared by modules.

use std::sync::PoisonError;

use lesson_tests::{program, run, verdict};
use module_store::logger;
use module_store::store::GAMES;

#[test]
fn main_and_the_logger_see_one_list() {
    let program = program("module-store").unwrap();
    let output = run(program.command().args(["--add-every", "0"]), "").unwrap();
    assert_eq!(
        verdict(&output),
        "main added 10 games, the logger sees 10: one list"
    );
}

#[test]
fn code_that_holds_the_list_may_do_anything_to_it_even_empty_it() {
    let mut games = GAMES.lock().unwrap_or_else(PoisonError::into_inner);
    games.extend(game::famous());
    games.clear();
    drop(games);
    let seen = logger::look(&mut std::io::sink()).unwrap();
    assert_eq!(
        seen.games, 0,
        "the store has no behaviour that could refuse it"
    );
}
