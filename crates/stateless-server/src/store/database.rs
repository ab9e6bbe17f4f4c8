//! Games in a database that every server shares.

use std::time::Duration;

use game::{Game, GameId, Move};
use sqlx::migrate::MigrationType::Simple;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool, SqlSafeStr, SqlitePool};
use tokio::time::timeout;

use super::sqlite_file;
use super::unavailable::reason;
use super::{
    Added, MOST_LISTED_MOVES, MOST_MOVES, Store, StoreError, same_or_duplicate, same_or_not_next,
};
use crate::DatabaseUrl;

/// The tables of a SQLite file. What was released is never changed: a new file follows.
const FOR_SQLITE: &[&str] = &[include_str!("../../migrations/sqlite/0001_games.sql")];

/// The same tables, as Postgres writes them.
const FOR_POSTGRES: &[&str] = &[include_str!("../../migrations/postgres/0001_games.sql")];

/// How long a request waits for a connection before it is told that there is none.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// After so long without a request, a connection is asked whether it is still there.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a server that ends waits for statements that are still under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The connections of one server; of a database's clients, each server is one among several.
const MOST_CONNECTIONS: u32 = 8;

/// Games in SQLite or Postgres. Whatever server is asked, the answer is the same, and a server
/// that is killed takes nothing with it.
///
/// All that we say to them is SQL that both understand, so a statement is written once and sent to
/// whichever it is, by [`on_either!`](crate::on_either). What differs, the migrations and how a
/// connection is made, stands apart. (sqlx's `Any` driver does the same and takes nothing but a URL:
/// a file's name is not always one, and pgbouncer refuses a setting that no URL can take away.)
///
/// Every change is *one* statement, so there is no transaction to hold open and no half of it
/// to be seen. A move is won by comparing and setting: `UPDATE … WHERE move_count = n - 1`
/// changes a row for one of two servers that both offer move `n`, and none for the other. (The
/// other way, `BEGIN`, `SELECT … FOR UPDATE`, `UPDATE`, `COMMIT`, is four round trips during
/// which everybody waits; it is the one to take when a decision needs several rows.)
#[derive(Clone, Debug)]
pub struct Database {
    /// The only thing that this server keeps between two requests, and it knows no game: throw
    /// it away, and the next request opens another.
    pools: Pools,
}

/// The connections of one server, to one kind of database.
#[derive(Clone, Debug)]
pub enum Pools {
    /// To a SQLite file.
    Sqlite(SqlitePool),
    /// To a Postgres server.
    Postgres(PgPool),
}

/// Sends one statement to whichever database it is: `on_either!(pools, pool => query.execute(pool))`.
#[macro_export]
macro_rules! on_either {
    ($pools:expr, $pool:ident => $work:expr) => {
        match $pools {
            $crate::store::Pools::Sqlite($pool) => $work,
            $crate::store::Pools::Postgres($pool) => $work,
        }
    };
}

/// Why a server could not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection could be made.
    #[error("cannot open the database {url}: {why}; is it running, and may this user use it?")]
    Connect {
        /// Where it was looked for, without the password.
        url: DatabaseUrl,
        /// What the database or the system said.
        why: String,
    },
    /// The tables could not be made.
    #[error("cannot bring the tables of {url} up to date: {why}")]
    Migrate {
        /// The database, without the password.
        url: DatabaseUrl,
        /// What the database said.
        why: String,
    },
}

/// A database's error in one sentence; sqlx's own says it once more for each layer.
fn why(error: &sqlx::Error) -> String {
    let said = match error {
        sqlx::Error::Database(said) => said.message().to_owned(),
        sqlx::Error::Io(said) => said.to_string(),
        other => other.to_string(),
    };
    match reason(error) {
        Some(reason) if matches!(error, sqlx::Error::Database(_)) => format!("{reason} ({said})"),
        _ => said,
    }
}

/// The columns of a game in the order in which every query here names them.
type GameRow = (String, String, String, Option<i64>, String);

impl Database {
    /// Connects, and makes or updates the tables; several servers may do so at once.
    ///
    /// # Errors
    /// [`OpenError`], with what the database said as its source.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let refused = |error| OpenError::Connect {
            url: url.clone(),
            why: why(&error),
        };
        let pools = match url {
            DatabaseUrl::Postgres(address) => postgres(address).await.map(Pools::Postgres),
            DatabaseUrl::Sqlite(place) => {
                let pool = sqlite_file::open(place, pool_options());
                pool.await.map(Pools::Sqlite)
            }
        };
        let pools = pools.map_err(refused)?;
        let migrated = migrate(&pools).await;
        migrated.map_err(|error| OpenError::Migrate {
            url: url.clone(),
            why: match &error {
                MigrateError::Execute(error) => why(error),
                other => other.to_string(),
            },
        })?;
        Ok(Self { pools })
    }

    /// The connections, for a lesson that keeps a table of its own beside the games.
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Closes the connections, so that the last server to leave tidies a SQLite file.
    ///
    /// Those of a Postgres that does not answer are left: a server that waited for a statement in progress
    /// had not ended 40 s after it was asked to.
    pub async fn close(&self) {
        let closed = timeout(CLOSE_TIMEOUT, async {
            on_either!(&self.pools, pool => pool.close().await);
        });
        if closed.await.is_err() {
            tracing::warn!(
                "the database did not answer within {CLOSE_TIMEOUT:?}, and was not waited for"
            );
        }
    }
}

fn pool_options<DB: sqlx::Database>() -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Otherwise every request would start with a ping, which costs as much as its statement.
        .test_before_acquire(false)
}

async fn postgres(address: &str) -> Result<PgPool, sqlx::Error> {
    // sqlx asks for more digits of floating-point numbers, of which we have none; pgbouncer refuses a
    // client that asks for anything that it does not know.
    let options = address
        .parse::<PgConnectOptions>()?
        .extra_float_digits(None);
    // A pool tries again for as long as a request may wait, and then says only that.
    options.connect().await?.close().await?;
    let pool = pool_options().before_acquire(|connection, idle| {
        Box::pin(async move {
            // After a pause, Postgres may have been restarted in the meantime.
            if idle.idle_for > PAUSE {
                Connection::ping(connection).await?;
            }
            Ok(true)
        })
    });
    pool.connect_with(options).await
}

/// Makes the tables, or brings them up to date, if that is still to be done: a database that may only be
/// read, or whose user may make no table, is no reason not to begin.
async fn migrate(pools: &Pools) -> Result<(), MigrateError> {
    let migrator = migrator(match pools {
        Pools::Sqlite(_) => FOR_SQLITE,
        Pools::Postgres(_) => FOR_POSTGRES,
    });
    if is_up_to_date(pools, &migrator).await {
        return Ok(());
    }
    match pools {
        // sqlx takes an advisory lock in Postgres, so servers that start together queue.
        Pools::Postgres(pool) => migrator.run(pool).await,
        Pools::Sqlite(pool) => {
            // In SQLite it takes none: two servers that start together would both make the table, and
            // the second would fail. IMMEDIATE makes the second wait.
            let mut alone = pool.begin_with("BEGIN IMMEDIATE").await?;
            migrator.run(&mut *alone).await?;
            Ok(alone.commit().await?)
        }
    }
}

/// Whether just these migrations have been applied. Where that cannot be read, they have not been.
async fn is_up_to_date(pools: &Pools, migrator: &Migrator) -> bool {
    const APPLIED: &str =
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version";
    type Applied = Result<Vec<(i64, Vec<u8>)>, sqlx::Error>;
    let applied: Applied = on_either!(pools, pool => sqlx::query_as(APPLIED).fetch_all(pool).await);
    let ours = migrator.iter();
    let ours = ours.map(|migration| (migration.version, migration.checksum.to_vec()));
    applied.is_ok_and(|applied| applied.into_iter().eq(ours))
}

impl Store for Database {
    async fn add_game(&self, game: &Game) -> Result<Added, StoreError> {
        let moves = game.moves.iter().map(|played| format!(" {played}"));
        let moves: String = moves.collect();
        let inserted = on_either!(&self.pools, pool => {
            let insert = sqlx::query(
                "INSERT INTO games (id, white_player, black_player, year, moves, move_count)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (id) DO NOTHING",
            );
            insert
                .bind(game.id.as_str())
                .bind(&game.white_player)
                .bind(&game.black_player)
                .bind(game.year.map(i64::from))
                .bind(moves)
                .bind(game.moves.len() as i64)
                .execute(pool)
                .await?
                .rows_affected()
        });
        if inserted == 1 {
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
        let added: Vec<i64> = on_either!(&self.pools, pool => {
            let update = sqlx::query_scalar(
                "UPDATE games
                 SET moves = moves || ' ' || $2, move_count = move_count + 1
                 WHERE id = $1 AND move_count = coalesce($3, move_count + 1) - 1
                 AND move_count < $4
                 RETURNING move_count",
            );
            update
                .bind(id.as_str())
                .bind(played.to_string())
                .bind(number.map(i64::from))
                .bind(MOST_MOVES as i64)
                .fetch_all(pool)
                .await?
        });
        if let Some(&count) = added.first() {
            return Ok((Added::Now, count as u32));
        }
        let kept = self.game(id).await?;
        same_or_not_next(&kept, played, number.unwrap_or(kept.moves.len() as u32 + 1))
    }

    async fn game(&self, id: &GameId) -> Result<Game, StoreError> {
        let row: Option<GameRow> = on_either!(&self.pools, pool => {
            let select = sqlx::query_as(
                "SELECT id, white_player, black_player, year, moves FROM games WHERE id = $1",
            );
            select.bind(id.as_str()).fetch_optional(pool).await?
        });
        game_from(row.ok_or_else(|| StoreError::UnknownGame(id.clone()))?)
    }

    async fn games(&self, after: Option<&GameId>, limit: u32) -> Result<Vec<Game>, StoreError> {
        // No id is empty, so "after the empty one" is "from the first".
        let after = after.map_or("", GameId::as_str);
        let rows: Vec<GameRow> = on_either!(&self.pools, pool => {
            let select = sqlx::query_as(
                "SELECT id, white_player, black_player, year, moves FROM (
                     SELECT *, sum(move_count) OVER (ORDER BY id) - move_count AS moves_before
                     FROM games WHERE id > $1 ORDER BY id LIMIT $2
                 ) AS page
                 WHERE moves_before < $3 ORDER BY id",
            );
            select
                .bind(after)
                .bind(i64::from(limit))
                .bind(MOST_LISTED_MOVES as i64)
                .fetch_all(pool)
                .await?
        });
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
