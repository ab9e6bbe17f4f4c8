//! Once a second, each server checks whether the database is ahead of its memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use stateless_server::on_either;
use tokio::time::{MissedTickBehavior, interval};

use super::Rooms;
use crate::room_id::RoomId;

/// Names in one statement. Both databases accept many more.
const BATCH: usize = 500;

/// Checks all rooms at this interval, until it is dropped.
pub async fn look_every(time: Duration, rooms: Rooms) {
    let mut ticks = interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = rooms.look().await {
            tracing::warn!("cannot read the number of moves from the database: {error}");
        }
    }
}

impl Rooms {
    /// Closes each room that the database is ahead of, and announces the seats in the others.
    pub(super) async fn look(&self) -> Result<(), sqlx::Error> {
        for names in self.names().chunks(BATCH) {
            let lengths = self.lengths(names).await?;
            for name in names {
                let Some(shared) = self.lock().get(name).map(Arc::clone) else {
                    continue;
                };
                let mut room = shared.lock().await;
                // A move since the query makes the room longer than the number that was read. Such a room
                // is not behind.
                if !room.closed && room.length() < lengths.get(name.as_str()).copied().unwrap_or(0)
                {
                    self.forget(name, &mut room);
                } else {
                    room.announce_seats();
                }
            }
        }
        Ok(())
    }

    async fn lengths(&self, names: &[RoomId]) -> Result<HashMap<String, usize>, sqlx::Error> {
        let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
        let statement = format!(
            "SELECT id, move_count FROM games WHERE id IN ({})",
            places.join(", ")
        );
        let rows: Vec<(String, i64)> = on_either!(self.database.pools(), pool => {
            // Only `$1, $2, …` was put into it; the names are bound.
            let mut query = sqlx::query_as(AssertSqlSafe(statement));
            for name in names {
                query = query.bind(name.as_str());
            }
            query.fetch_all(pool).await?
        });
        let lengths = rows.into_iter();
        Ok(lengths.map(|(id, moves)| (id, moves as usize)).collect())
    }
}
