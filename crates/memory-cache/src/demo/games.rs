//! The games that are read.

use game::{Game, famous};

/// The ten famous games, and some more to be read later; each after five moves, and under an id of
/// this run, because a Redis outlives it.
pub(super) fn games(run: u32) -> Vec<Game> {
    let numbered = (1..).zip(famous().into_iter().cycle()).take(16);
    let game = |(number, game): (usize, Game)| Game {
        id: format!("run-{run:x}-game-{number}")
            .parse()
            .expect("a short id"),
        moves: game.moves[..5].to_vec(),
        ..game
    };
    numbered.map(game).collect()
}
