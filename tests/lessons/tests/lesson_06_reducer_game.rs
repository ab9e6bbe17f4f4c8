//! Lesson 6: a store that only actions change.

use game::{Game, GameError, GameId};
use lesson_tests::{example, program, run, verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use reducer_game::store::{Action, State, Store};

#[test]
fn main_dispatches_and_the_logger_sees_every_game() {
    let program = program("reducer-game").unwrap();
    let output = run(program.command().args(["--add-every", "0"]), "").unwrap();
    assert_eq!(
        verdict(&output),
        "main added 10 games, the logger sees 10: only actions change it"
    );
}

#[test]
fn the_log_played_again_leads_to_the_same_state_and_can_stop_anywhere() {
    let example = example("reducer-game", "time_travel").unwrap();
    let output = run(example.command().arg("1"), "").unwrap();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines[0], "after   1 actions  1 game     0 moves");
    assert_eq!(
        verdict(&output),
        "2 of 2 replays end in the store's own state"
    );
}

proptest! {
    #[test]
    fn any_part_of_the_log_replays_to_the_state_of_that_moment(actions in vec(action(), 0..40)) {
        let store = Store::default();
        let mut states = vec![store.state()];
        for action in actions {
            if store.dispatch(action).is_ok() {
                states.push(store.state());
            }
        }
        let log = store.log();
        for (length, state) in states.iter().enumerate() {
            prop_assert_eq!(&State::after(&log[..length]).unwrap(), &**state);
        }
    }
}

#[test]
fn a_refused_action_is_an_error_and_is_not_in_the_log() {
    let store = Store::default();
    let nowhere = id("nowhere");
    let refused = store.dispatch(Action::AddMove(nowhere.clone(), "e2e4".parse().unwrap()));
    assert_eq!(refused, Err(GameError::UnknownGame(nowhere)));
    store.dispatch(Action::AddGame(game("twice"))).unwrap();
    let refused = store.dispatch(Action::AddGame(game("twice")));
    assert_eq!(refused, Err(GameError::DuplicateGame(id("twice"))));
    assert_eq!(store.log(), [Action::AddGame(game("twice"))]);
}

#[tokio::test]
async fn a_subscriber_that_dispatches_does_not_wait_for_itself() {
    let store = Store::default();
    let mut states = store.subscribe();
    store.dispatch(Action::AddGame(game("first"))).unwrap();
    let first = states.next().await.unwrap();
    store.dispatch(Action::AddGame(game("second"))).unwrap();
    assert_eq!(first.games.len(), 1, "the old state stays as it was");
    assert_eq!(states.next().await.unwrap().games.len(), 2);
}

#[tokio::test]
async fn a_subscriber_sees_the_states_in_their_order_and_the_newest_in_the_end() {
    let store = Store::default();
    let mut states = store.subscribe();
    store.dispatch(Action::AddGame(game("busy"))).unwrap();
    let dispatch = || {
        for _ in 0..1_000 {
            let played = Action::AddMove(id("busy"), "e2e4".parse().unwrap());
            store.dispatch(played).unwrap();
        }
    };
    let seen = std::thread::scope(|scope| {
        scope.spawn(dispatch);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let watch = async {
            let mut seen = vec![0];
            while seen.last() != Some(&1_000) {
                let state = states.next().await.unwrap();
                seen.push(state.games[&id("busy")].moves.len());
            }
            seen
        };
        scope
            .spawn(move || runtime.unwrap().block_on(watch))
            .join()
            .unwrap()
    });
    assert!(seen.is_sorted(), "{seen:?}");
}

fn action() -> impl Strategy<Value = Action> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let add_move = |name| Action::AddMove(id(name), "e2e4".parse().expect("a move"));
    prop_oneof![
        name.clone().prop_map(|name| Action::AddGame(game(name))),
        name.prop_map(add_move),
    ]
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
