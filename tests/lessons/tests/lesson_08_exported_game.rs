//! Lesson 8: one instance, exported. It works, by agreement only.

use exported_game::{GAME_MANAGER, GameManager, logger};
use lesson_tests::{program, run, verdict};

#[test]
fn every_file_that_uses_the_exported_manager_sees_the_same_games() {
    let program = program("exported-game").unwrap();
    let output = run(program.command().args(["--add-every", "0"]), "").unwrap();
    assert_eq!(
        verdict(&output),
        "main added 10 games, the logger sees 10: one manager, by agreement only"
    );
}

#[test]
fn nothing_stops_anybody_from_making_a_second_one() {
    let second = GameManager::new();
    for game in game::famous() {
        second.add_game(game).unwrap();
    }
    assert_eq!(
        logger::look(&mut std::io::sink()).unwrap().games,
        0,
        "and its games are seen by nobody"
    );
    assert!(!std::ptr::eq(&second, &*GAME_MANAGER));
    assert_eq!(GameManager::constructed(), 2);
}
