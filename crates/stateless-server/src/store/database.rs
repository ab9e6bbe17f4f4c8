//! Games in a database that every server shares.

use std::time::Duration;

use game::{Game, GameId, Move};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::migrate::MigrationType::Simple;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AnyPool, Connection, SqlSafeStr};

use super::sqlite_file::SqliteFile;
use super::unavailable::reason;
use super::{Added, Store, StoreError, same_or_duplicate, same_or_not_next};
use crate::DatabaseUrl;

/// The tables of a SQLite file. What was released is never changed: a new file follows.
const FOR_SQLITE: &[&str] = &[include_str!("../../migrations/sqlite/0001_games.sql")];

/// The same tables, as Postgres writes them.
const FOR_POSTGRES: &[&str] = &[include_str!("../../migrations/postgres/0001_games.sql")];

/// How long a request waits for a connection before it is told that there is none.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// After so long without a request, a connection is asked whether it is still there.
const PAUSE: Duration = Duration::from_secs(1);

/// The connections of one server; of a database's clients, each server is one among several.
const MOST_CONNECTIONS: u32 = 8;

/// Games in SQLite or Postgres. Whatever server is asked, the answer is the same, and a server
/// that is killed takes nothing with it.
///
/// Both databases are reached through sqlx's `Any` driver, because all that we say to them is
/// SQL that both understand, and a statement that is written once is read once. What differs,
/// the migrations and the settings of a SQLite file, stands apart. An enum of two pools would be
/// the choice for a service that uses what only one of them has.
///
/// Every change is *one* statement, so there is no transaction to hold open and no half of it
/// to be seen. A move is won by comparing and setting: `UPDATE … WHERE move_count = n - 1`
/// changes a row for one of two servers that both offer move `n`, and none for the other. (The
/// other road, `BEGIN`, `SELECT … FOR UPDATE`, `UPDATE`, `COMMIT`, is four round trips during
/// which everybody waits; it is the one to take when a decision needs several rows.)
#[derive(Clone, Debug)]
pub struct Database {
    /// The only thing that this server keeps between two requests, and it knows no game: throw
    /// it away, and the next request opens another.
    pool: AnyPool,
}

/// Why a server could not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection could be made.
    #[error("cannot open the database {url}; is it running, and may this user use it?")]
    Connect {
        /// Where it was looked for, without the password.
        url: DatabaseUrl,
        /// What the database or the system said.
        #[source]
        source: sqlx::Error,
    },
    /// The tables could not be made.
    #[error("cannot bring the tables of {url} up to date")]
    Migrate {
        /// The database, without the password.
        url: DatabaseUrl,
        /// What the database said.
        #[source]
        source: MigrateError,
    },
}

/// The columns of a game in the order in which every query here names them.
type GameRow = (String, String, String, Option<i64>, String);

impl Database {
    /// Connects, and makes or updates the tables; several servers may do so at once.
    ///
    /// # Errors
    /// [`OpenError`], with what the database said as its source.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        install_default_drivers();
        let refused = |source| OpenError::Connect {
            url: url.clone(),
            source,
        };
        let too_old = |source| OpenError::Migrate {
            url: url.clone(),
            source,
        };

        let options = AnyPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Else every request would begin with a ping, which costs as much as its statement.
            .test_before_acquire(false);
        match url {
            DatabaseUrl::Postgres(address) => {
                let options = options.before_acquire(|connection, idle| {
                    Box::pin(async move {
                        // After a pause, Postgres may have been restarted in the meantime.
                        if idle.idle_for > PAUSE {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                });
                let pool = options.connect(address).await.map_err(refused)?;
                // sqlx takes an advisory lock in Postgres, so servers that start together queue.
                migrator(FOR_POSTGRES).run(&pool).await.map_err(too_old)?;
                Ok(Self { pool })
            }
            DatabaseUrl::Sqlite(place) => {
                let file = SqliteFile::create(place).await.map_err(refused)?;
                let pool = file.pool(options).await.map_err(refused)?;
                if !place.is_read_only() {
                    // sqlx takes no lock in SQLite: two servers that start together would both
                    // make the table, and the second would fail. IMMEDIATE makes the second wait.
                    let mut alone = pool.begin_with("BEGIN IMMEDIATE").await.map_err(refused)?;
                    migrator(FOR_SQLITE)
                        .run(&mut *alone)
                        .await
                        .map_err(too_old)?;
                    alone.commit().await.map_err(refused)?;
                }
                Ok(Self { pool })
            }
        }
    }

    /// The connections, for a lesson that keeps a table of its own beside the games.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Gives the connections back, so that the last server to leave tidies a SQLite file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Store for Database {
    async fn add_game(&self, game: &Game) -> Result<Added, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO games (id, white_player, black_player, year, moves, move_count)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(game.id.as_str())
        .bind(&game.white_player)
        .bind(&game.black_player)
        .bind(game.year.map(i64::from))
        .bind(
            game.moves
                .iter()
                .map(|played| format!(" {played}"))
                .collect::<String>(),
        )
        .bind(game.moves.len() as i64)
        .execute(&self.pool)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(Added::Now);
        }
        same_or_duplicate(&self.game(&game.id).await?, game)
    }

    async fn add_move(
        &self,
        id: &GameId,
        played: Move,
        number: Option<u32>,
    ) -> Result<(Added, u32), StoreError> {
        // `fetch_all` rather than `fetch_optional`, which stops reading at the first row: SQLite
        // commits when the last one has been read, and a full disk is reported only then.
        let added: Vec<i64> = sqlx::query_scalar(
            "UPDATE games
             SET moves = moves || ' ' || $2, move_count = move_count + 1
             WHERE id = $1 AND move_count = coalesce($3, move_count + 1) - 1
             RETURNING move_count",
        )
        .bind(id.as_str())
        .bind(played.to_string())
        .bind(number.map(i64::from))
        .fetch_all(&self.pool)
        .await?;
        if let Some(&count) = added.first() {
            return Ok((Added::Now, count as u32));
        }
        let kept = self.game(id).await?;
        same_or_not_next(&kept, played, number.unwrap_or(kept.moves.len() as u32 + 1))
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        let row: Option<GameRow> = sqlx::query_as(
            "SELECT id, white_player, black_player, year, moves FROM games WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        game_from(row.ok_or_else(|| StoreError::UnknownGame(id.clone()))?)
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        // No id is empty, so "after the empty one" is "from the first".
        let rows: Vec<GameRow> = sqlx::query_as(
            "SELECT id, white_player, black_player, year, moves FROM games
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.map_or("", GameId::as_str))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(game_from).collect()
    }
}

/// Makes a game of its row. The database was given nothing but games, so an error here means
/// that somebody else has written to it.
fn game_from((id, white_player, black_player, year, moves): GameRow) -> Result<Game, StoreError> {
    let moves = moves
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>();
    Ok(Game {
        id: id.try_into().map_err(StoreError::unforeseen)?,
        white_player,
        black_player,
        year: year
            .map(u16::try_from)
            .transpose()
            .map_err(StoreError::unforeseen)?,
        moves: moves.map_err(StoreError::unforeseen)?,
    })
}

/// The migrations in their order, the first with version 1.
fn migrator(files: &[&'static str]) -> Migrator {
    let numbered = (1..).zip(files).map(|(version, sql)| {
        Migration::new(version, "games".into(), Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(numbered.collect())
}

impl StoreError {
    fn unforeseen(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unforeseen(source.into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match reason(&source) {
            Some(reason) => Self::Unavailable { reason, source },
            None => Self::unforeseen(source),
        }
    }
}
