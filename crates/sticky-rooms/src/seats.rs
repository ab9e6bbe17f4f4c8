//! Who sits where, in the database: a seat is taken as a move is, by comparing and setting. In a
//! server's memory, a token would be worth nothing after that server was killed, and two servers
//! would each give away the white pieces.

use rand::RngExt;
use sha2::{Digest, Sha256};
use stateless_server::on_either;
use stateless_server::store::{Database, Pools, StoreError};

use crate::board::Seat;
use crate::room_id::RoomId;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS seats (
    room TEXT NOT NULL, seat TEXT NOT NULL, token_hash TEXT NOT NULL, PRIMARY KEY (room, seat))";

/// The seats of all rooms.
#[derive(Clone, Debug)]
pub struct Seats {
    pools: Pools,
}

/// What is kept of a token: who reads the database cannot sit down with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Of a token that somebody sent.
    pub fn of(token: &str) -> Self {
        let hash = Sha256::digest(token.as_bytes());
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// 128 random bits, in hex.
pub fn new_token() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

impl Seats {
    /// Makes the table if it is not there.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let pools = database.pools().clone();
        on_either!(&pools, pool => {
            // Of two servers that make it at once, Postgres lets one fail; then it is there.
            if sqlx::query(TABLE).execute(pool).await.is_err() {
                sqlx::query(TABLE).execute(pool).await?;
            }
        });
        Ok(Self { pools })
    }

    /// The hash of the token that a seat was given for, if it was.
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

    /// Gives a seat to the holder of a new token, if it is still as `before`; says whether it was.
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
            None => {
                "INSERT INTO seats (room, seat, token_hash) VALUES ($1, $2, $3)
                 ON CONFLICT (room, seat) DO NOTHING"
            }
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
