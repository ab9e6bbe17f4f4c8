//! The seats of all rooms, in the database. A seat is taken as a move is, by compare-and-set. If seats
//! were in a server's memory, a token would be worth nothing after that server was killed, and two
//! servers would each give away the white pieces.

use rand::RngExt;
use sha2::{Digest, Sha256};
use stateless_server::on_either;
use stateless_server::store::{Database, Pools, StoreError};

use crate::board::Seat;
use crate::room_id::RoomId;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS seats (
    room TEXT NOT NULL, seat TEXT NOT NULL, token_hash TEXT NOT NULL, PRIMARY KEY (room, seat))";

const TAKE_FREE: &str = "INSERT INTO seats (room, seat, token_hash) VALUES ($1, $2, $3)
    ON CONFLICT (room, seat) DO NOTHING";

/// The seats of all rooms.
#[derive(Clone, Debug)]
pub struct Seats {
    pools: Pools,
}

/// The hash of a token. Reading the database is not enough to take a seat, because only this is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Hashes a token that a page sent.
    pub fn of(token: &str) -> Self {
        let hash = Sha256::digest(token.as_bytes());
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// 128 random bits, in hex.
pub fn new_token() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// Why the seats cannot be kept in a database.
#[derive(Debug, thiserror::Error)]
pub enum SeatsError {
    /// Each visitor would be asked to try again, without end.
    #[error(
        "the table \"seats\" of this database belongs to another program ({0}); name another database with \
         --database"
    )]
    OfAnotherProgram(String),
    /// The database cannot be used now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Seats {
    /// Creates the table if it does not exist, and tries whether it takes a seat.
    ///
    /// # Errors
    /// [`SeatsError`].
    pub async fn open(database: &Database) -> Result<Self, SeatsError> {
        let pools = database.pools().clone();
        on_either!(&pools, pool => {
            // If two servers create the table at the same time, Postgres lets one fail. Then it exists.
            if sqlx::query(TABLE).execute(pool).await.is_err() {
                sqlx::query(TABLE).execute(pool).await.map_err(StoreError::from)?;
            }
        });
        match try_to_seat(&pools).await.map_err(StoreError::from) {
            // A database that is full or read-only now is told to each visitor, and may be mended meanwhile.
            Ok(()) | Err(StoreError::Unavailable { .. }) => Ok(Self { pools }),
            Err(StoreError::Unforeseen(source)) => {
                Err(SeatsError::OfAnotherProgram(source.to_string()))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The hash of the token that the seat was given for, if it was given.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn holder(&self, room: &RoomId, seat: Seat) -> Result<Option<TokenHash>, StoreError> {
        let hash = on_either!(&self.pools, pool => {
            sqlx::query_scalar("SELECT token_hash FROM seats WHERE room = $1 AND seat = $2")
                .bind(room.as_str())
                .bind(seat.as_str())
                .fetch_optional(pool)
                .await?
        });
        Ok(hash.map(TokenHash))
    }

    /// Gives the seat to the holder of a new token, if its hash is still `before`. Returns whether it was.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn take(
        &self,
        room: &RoomId,
        seat: Seat,
        before: Option<&TokenHash>,
        new: &TokenHash,
    ) -> Result<bool, StoreError> {
        let statement = match before {
            None => TAKE_FREE,
            Some(_) => {
                "UPDATE seats SET token_hash = $3
                 WHERE room = $1 AND seat = $2 AND token_hash = $4"
            }
        };
        let taken = on_either!(&self.pools, pool => {
            let mut take = sqlx::query(statement)
                .bind(room.as_str())
                .bind(seat.as_str())
                .bind(&new.0);
            if let Some(before) = before {
                take = take.bind(&before.0);
            }
            take.execute(pool).await?.rows_affected()
        });
        Ok(taken == 1)
    }
}

/// Takes a seat in a room that no name can mean, and gives it back: the table of another program has
/// other columns, or needs more of them.
async fn try_to_seat(pools: &Pools) -> Result<(), sqlx::Error> {
    on_either!(pools, pool => {
        let mut trial = pool.begin().await?;
        let take = sqlx::query(TAKE_FREE).bind("").bind(Seat::White.as_str()).bind("");
        take.execute(&mut *trial).await?;
        trial.rollback().await
    })
}
