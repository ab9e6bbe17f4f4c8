//! Lesson 14: the same story without a global. A manager that is handed down, and a task that
//! owns the games.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use actor_game::AskError;
use game::{Game, GameError, GameId};
use lesson_tests::{program, run, verdict};
use tokio::runtime::Builder;

#[test]
fn a_manager_that_is_handed_down_is_one_manager() {
    assert_eq!(
        told_by("injected-game"),
        "main added 10 games, the logger sees 10: one manager, handed down"
    );
}

#[test]
fn a_task_that_owns_the_games_is_asked_by_both_files() {
    assert_eq!(
        told_by("actor-game"),
        "main added 10 games, the logger sees 10: one task owns them"
    );
}

// Two tests with a manager each, at the same time: with a singleton neither could count to one.
#[test]
fn a_test_has_a_manager_of_its_own() {
    let manager = injected_game::GameManager::new();
    manager.add_game(game("mine")).unwrap();
    assert_eq!(manager.games().len(), 1);
}

#[test]
fn another_test_has_another_and_both_may_use_one_id() {
    let manager = injected_game::GameManager::new();
    manager.add_game(game("mine")).unwrap();
    assert_eq!(manager.games().len(), 1);
}

#[tokio::test]
async fn the_task_refuses_what_the_other_stores_refuse() {
    let manager = actor_game::GameManager::start();
    let refused = manager
        .add_move(id("nowhere"), "e2e4".parse().unwrap())
        .await;
    assert_eq!(
        refused,
        Err(AskError::Refused(GameError::UnknownGame(id("nowhere"))))
    );
    manager.add_game(game("twice")).await.unwrap();
    let refused = manager.add_game(game("twice")).await;
    assert_eq!(
        refused,
        Err(AskError::Refused(GameError::DuplicateGame(id("twice"))))
    );
}

#[tokio::test]
async fn a_full_mailbox_is_an_error_for_who_tries_and_a_wait_for_who_adds() {
    let manager = actor_game::GameManager::start();
    manager.add_game(game("busy")).await.unwrap();
    let played = || (id("busy"), "e2e4".parse().unwrap());
    // On this one thread the task cannot run before we wait for something.
    let sent = (0..100).take_while(|_| {
        let (id, played) = played();
        manager.try_add_move(id, played).is_ok()
    });
    let sent = sent.count();
    assert!(sent < 100, "a mailbox has an end");
    let (id, played) = played();
    assert_eq!(
        manager.try_add_move(id.clone(), played),
        Err(AskError::Full)
    );
    let mut waits = pin!(manager.add_move(id, played));
    let first = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(first, Poll::Pending));
    waits.await.unwrap();
    assert_eq!(manager.look().await.unwrap().moves, sent + 1);
}

#[test]
fn a_task_that_has_ended_is_an_error_that_says_so() {
    let runtime = || Builder::new_current_thread().build().unwrap();
    let its_own = runtime();
    let manager = its_own.block_on(async { actor_game::GameManager::start() });
    drop(its_own);
    let asked = runtime().block_on(manager.look());
    assert_eq!(asked, Err(AskError::Dead));
    assert!(asked.unwrap_err().to_string().contains("start a new one"));
    let tried = manager.try_add_move(id("any"), "e2e4".parse().unwrap());
    assert_eq!(tried, Err(AskError::Dead));
}

fn told_by(name: &str) -> String {
    let program = program(name).expect("cargo builds it");
    let output = run(program.command().args(["--add-every", "0"]), "");
    verdict(&output.expect("it runs")).to_owned()
}

fn game(name: &str) -> Game {
    let famous = game::famous().swap_remove(0).at_its_start();
    Game {
        id: id(name),
        ..famous
    }
}

fn id(name: &str) -> GameId {
    name.parse().expect("a short id")
}
