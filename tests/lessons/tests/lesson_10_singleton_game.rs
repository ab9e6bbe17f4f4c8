//! Lesson 10: one GameManager for the whole process. What the compiler refuses is proven by
//! `cargo test -p compile-fail`; here is what the one manager does.
//!
//! The tests share that manager and run at once, so each plays games of its own.

use std::io::{self, Write};
use std::thread;

use game::{Game, GameError, GameId};
use lesson_tests::{example, program, run, verdict};
use singleton_game::{GameManager, logger};

#[test]
fn the_logger_sees_every_game_that_main_added() {
    let program = program("singleton-game").unwrap();
    let output = run(program.command().args(["--add-every", "0"]), "").unwrap();
    assert_eq!(
        verdict(&output),
        "main added 10 games, the logger sees 10: one manager"
    );
}

#[test]
fn everybody_who_asks_gets_the_same_manager() {
    let mine = GameManager::instance();
    let theirs = thread::spawn(GameManager::instance).join().unwrap();
    assert!(std::ptr::eq(mine, theirs));
    assert_eq!(GameManager::constructed(), 1);
}

#[test]
fn a_game_that_one_file_adds_is_seen_by_the_logger_in_another() {
    GameManager::instance().add_game(new_game("seen")).unwrap();
    assert!(logger::look(&mut io::sink()).unwrap().games >= 1);
}

#[test]
fn a_snapshot_of_the_games_can_be_changed_without_changing_the_manager() {
    let manager = GameManager::instance();
    manager.add_game(new_game("snapshot")).unwrap();
    manager.games().clear();
    assert!(holds(manager, "snapshot"));
}

#[test]
fn a_move_in_an_unknown_game_is_refused_and_the_game_is_named() {
    let nowhere: GameId = "nowhere".parse().unwrap();
    let refused = GameManager::instance().add_move(&nowhere, "e2e4".parse().unwrap());
    assert_eq!(refused, Err(GameError::UnknownGame(nowhere)));
    assert!(refused.unwrap_err().to_string().contains("\"nowhere\""));
}

#[test]
fn a_second_game_of_the_same_id_is_refused_and_the_first_keeps_its_moves() {
    let manager = GameManager::instance();
    manager.add_game(new_game("twice")).unwrap();
    manager
        .add_move(&"twice".parse().unwrap(), "e2e4".parse().unwrap())
        .unwrap();
    let refused = manager.add_game(new_game("twice"));
    assert!(matches!(refused, Err(GameError::DuplicateGame(_))));
    let games = manager.games();
    let first = games
        .iter()
        .find(|game| game.id.as_str() == "twice")
        .unwrap();
    assert_eq!(first.moves.len(), 1);
}

#[test]
fn moves_played_from_many_threads_are_all_there() {
    let manager = GameManager::instance();
    manager.add_game(new_game("busy")).unwrap();
    let busy: GameId = "busy".parse().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    manager.add_move(&busy, "e2e4".parse().unwrap()).unwrap();
                }
            });
        }
    });
    let games = manager.games();
    let game = games.iter().find(|game| game.id == busy).unwrap();
    assert_eq!(game.moves.len(), 800);
}

#[test]
fn the_manager_is_free_for_others_while_a_line_is_being_printed() {
    struct Curious;
    impl Write for Curious {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            // If the lock were held while printing, this would wait for itself without end.
            GameManager::instance().games();
            Ok(line.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    GameManager::instance().log_state(&mut Curious).unwrap();
}

#[test]
fn a_user_that_panics_in_the_middle_of_logging_harms_nobody_else() {
    struct Panics;
    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("this panic is part of the demonstration");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let user = thread::spawn(|| GameManager::instance().log_state(&mut Panics));
    assert!(user.join().is_err());
    GameManager::instance()
        .add_game(new_game("after-the-panic"))
        .unwrap();
    assert!(holds(GameManager::instance(), "after-the-panic"));
}

#[test]
fn two_processes_have_a_manager_each_and_neither_sees_the_others_games() {
    let program = example("singleton-game", "two_processes").unwrap();
    let output = run(&mut program.command(), "").unwrap();
    assert_eq!(
        output.stdout,
        "first process  adds 1 and sees 1 game     82 moves\n\
         second process adds 2 and sees 2 games    54 moves\n\
         first process  looks again and sees 1 game     82 moves\n\
         verdict: two processes, two managers; to tell each other they need pub/sub\n"
    );
}

#[test]
fn a_list_that_is_passed_along_needs_no_singleton() {
    let program = example("singleton-game", "why_not_just_pass_it").unwrap();
    let output = run(&mut program.command(), "").unwrap();
    assert_eq!(
        output.stdout,
        "the logger was handed the same list and sees 10 games\n"
    );
}

fn new_game(id: &str) -> Game {
    let game = game::famous().swap_remove(0).at_its_start();
    Game {
        id: id.parse().expect("a short id"),
        ..game
    }
}

fn holds(manager: &GameManager, id: &str) -> bool {
    manager.games().iter().any(|game| game.id.as_str() == id)
}
