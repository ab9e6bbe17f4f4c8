//! The mistake: games kept in the process that was asked for them.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, PoisonError};

use game::{Game, GameId, Move};

use super::{
    Added, MOST_LISTED_MOVES, MOST_MOVES, Store, StoreError, same_or_duplicate, same_or_not_next,
};

/// Games in this process: another server does not have them, and they end with it.
///
/// One server alone gives the same answers as with a [`Database`](super::Database), and faster.
/// That is what makes the mistake easy: everything is right until there is a second server.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    /// A `BTreeMap` because the list of games is in the order of their ids. The lock is the
    /// standard library's because nothing waits while it is held.
    games: Arc<Mutex<BTreeMap<GameId, Game>>>,
}

impl InMemory {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<GameId, Game>) -> T) -> T {
        // A panic between two changes is impossible here, so what a poisoned lock guards is whole.
        work(&mut self.games.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for InMemory {
    async fn add_game(&self, game: &Game) -> Result<Added, StoreError> {
        self.with(|games| match games.get(&game.id) {
            Some(kept) => same_or_duplicate(kept, game),
            None => {
                games.insert(game.id.clone(), game.clone());
                Ok(Added::Now)
            }
        })
    }

    async fn add_move(
        &self,
        id: &GameId,
        played: Move,
        number: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        self.with(|games| {
            let game = games
                .get_mut(id)
                .ok_or_else(|| StoreError::UnknownGame(id.clone()))?;
            let next = game.moves.len() as u32 + 1;
            match number {
                Some(number) if number != next => same_or_not_next(game, played, number),
                _ if game.moves.len() >= MOST_MOVES => same_or_not_next(game, played, next),
                _ => {
                    game.moves.push(played);
                    Ok((Added::Now, next))
                }
            }
        })
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        self.with(|games| {
            games
                .get(id)
                .cloned()
                .ok_or_else(|| StoreError::UnknownGame(id.clone()))
        })
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        let start = after.map_or(Unbounded, Excluded);
        self.with(|games| {
            let mut moves = 0;
            let rest = games.range((start, Unbounded)).map(|(_, game)| game);
            let listed = rest.take(limit as usize).take_while(|game| {
                let fits = moves < MOST_LISTED_MOVES;
                moves += game.moves.len();
                fits
            });
            Ok(listed.cloned().collect())
        })
    }
}
