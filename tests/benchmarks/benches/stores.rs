//! What one `add_move` costs in each store, at 10 and at 10,000 games:
//! `cargo bench -p lesson-benches --bench stores`.
//!
//! Each figure is the median of nine runs, in the same process one after the other.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use game::{Game, GameId, Move};
use reducer_game::store::{Action, State, reduce};
use tokio::runtime::Builder;

/// Measures one store with these games, in nanoseconds for an `add_move`.
type Row = fn(&[Game], Move) -> f64;

/// Calls in one run, bounded for the store that copies everything.
const CALLS: usize = 200;
const RUNS: usize = 9;

fn main() {
    let played: Move = "e2e4".parse().expect("a move");
    println!(
        "{:46} {:>10} {:>12}",
        "ns for one add_move, with games:", 10, "10,000"
    );
    let rows: [(&str, Row); 6] = [
        ("a static list behind a lock, searched", list),
        ("a manager: singleton, or an Arc handed down", manager),
        ("a reducer that clones the state", cloned),
        ("a reducer over imbl's map", shared),
        ("a reducer in place", in_place),
        ("an actor, and its answer", actor),
    ];
    for (name, row) in rows {
        let [few, many] = [10, 10_000].map(|count| row(&games(count), played));
        println!("{name:46} {few:>10.0} {many:>12.0}");
    }
}

fn games(count: usize) -> Vec<Game> {
    let famous = game::famous().swap_remove(0).at_its_start();
    let game = |number| Game {
        id: format!("game-{number}").parse().expect("a short id"),
        ..famous.clone()
    };
    (0..count).map(game).collect()
}

/// The ids that are played in: spread over all games.
fn ids(games: &[Game]) -> Vec<GameId> {
    let at = |call: usize| games[call * 7_919 % games.len()].id.clone();
    (0..CALLS).map(at).collect()
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    runs.sort_unstable_by(f64::total_cmp);
    runs[RUNS / 2]
}

fn list(games: &[Game], played: Move) -> f64 {
    let (store, ids) = (Mutex::new(games.to_vec()), ids(games));
    median(|| {
        for id in &ids {
            let mut games = store.lock().unwrap_or_else(PoisonError::into_inner);
            let game = games.iter_mut().find(|game| game.id == *id);
            game.expect("it was added").moves.push(played);
        }
    })
}

fn manager(games: &[Game], played: Move) -> f64 {
    let (store, ids) = (Arc::new(injected_game::GameManager::new()), ids(games));
    for game in games {
        store.add_game(game.clone()).expect("its id is new");
    }
    median(|| {
        for id in &ids {
            store.add_move(id, played).expect("it was added");
        }
    })
}

fn state(games: &[Game]) -> State {
    let games = games.iter().map(|game| (game.id.clone(), game.clone()));
    State {
        games: games.collect(),
    }
}

fn cloned(games: &[Game], played: Move) -> f64 {
    let (mut state, ids) = (state(games), ids(games));
    median(|| {
        for id in &ids {
            let action = Action::AddMove(id.clone(), played);
            state = black_box(reduce(&state, &action).expect("it was added"));
        }
    })
}

fn shared(games: &[Game], played: Move) -> f64 {
    let mut state: imbl::HashMap<GameId, Arc<Game>> = games
        .iter()
        .map(|game| (game.id.clone(), Arc::new(game.clone())))
        .collect();
    let ids = ids(games);
    median(|| {
        for id in &ids {
            let old = state.clone();
            let mut game = Game::clone(&state[id]);
            game.moves.push(played);
            state.insert(id.clone(), Arc::new(game));
            black_box(old);
        }
    })
}

fn in_place(games: &[Game], played: Move) -> f64 {
    let (mut state, ids) = (state(games).games, ids(games));
    median(|| {
        for id in &ids {
            let game = state.get_mut(id).expect("it was added");
            game.moves.push(played);
        }
    })
}

fn actor(games: &[Game], played: Move) -> f64 {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let ids = ids(games);
    let manager = runtime.block_on(async {
        let manager = actor_game::GameManager::start();
        for game in games {
            manager.add_game(game.clone()).await.expect("its id is new");
        }
        manager
    });
    median(|| {
        runtime.block_on(async {
            for id in &ids {
                let added = manager.add_move(id.clone(), played).await;
                added.expect("it was added");
            }
        });
    })
}
