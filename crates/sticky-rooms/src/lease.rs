//! An owner that is frozen past its lease, and what its late write meets: nothing, a fencing token, or
//! the number of the move. Lesson 4b; the database is a real one, and time is a number of the story.
//!
//! The story is Martin Kleppmann's, who has it from HBase
//! (<https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html>).

use std::io::Write;

use anyhow::{Context, Result, ensure};
use game::{Game, GameId, Move};
use stateless_server::store::{Added, Database, Store, StoreError};
use stateless_server::{DatabaseUrl, on_either};

/// Seconds that a lease is valid.
const LEASE: i64 = 10;

const TABLE: &str = "CREATE TABLE leases (
    room TEXT NOT NULL PRIMARY KEY, valid_until BIGINT NOT NULL, token BIGINT NOT NULL)";

/// The lease is free, or its time is over. Each holder gets a greater token than the one before it.
const TAKE: &str = "UPDATE leases SET valid_until = $2 + $3, token = token + 1
    WHERE room = $1 AND valid_until <= $2
    RETURNING token";

/// The room as its owner has it in memory.
const SAVE: &str = "UPDATE games SET moves = $2, move_count = $3 WHERE id = $1";

/// The same, if the owner's token is still the newest. The comparison is in the statement that writes: an
/// owner that compares first and writes then can be frozen between the two.
const SAVE_BY_TOKEN: &str = "UPDATE games SET moves = $2, move_count = $3
    WHERE id = $1 AND (SELECT token FROM leases WHERE room = $1) = $4";

/// What a write has to pass in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    /// Nothing: the owner has looked at its lease before.
    None,
    /// No other server has taken the lease since: a fencing token.
    Token,
    /// The move's number is the next one: the compare-and-set of lesson 1, and the fence of our rooms.
    Number,
}

/// A server that has taken the lease of a room and loaded its moves.
struct Owner<'a> {
    database: &'a Database,
    room: GameId,
    token: i64,
    valid_until: i64,
    moves: Vec<Move>,
}

/// What came of the story.
struct Told {
    /// Its steps, for people.
    steps: String,
    is_late_write_stored: bool,
    /// The moves in the database at the end.
    moves: Vec<Move>,
    /// The move that both players have seen.
    shown: Move,
}

/// Tells the story behind each fence, and prints what the database has in the end.
///
/// # Errors
/// The database cannot be used, or nothing can be written.
pub async fn show(out: &mut impl Write) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a directory for the database")?;
    let database = Database::open(&DatabaseUrl::sqlite(directory.path().join("games.db"))).await?;
    on_either!(database.pools(), pool => sqlx::query(TABLE).execute(pool).await?.rows_affected());
    writeln!(
        out,
        "sticky-rooms lease: one room, two servers, and an owner that is frozen"
    )?;
    let rows = [
        (Fence::None, "nothing", "unfenced"),
        (Fence::Token, "its token is the newest", "by-token"),
        (Fence::Number, "the move's number is next", "by-number"),
    ];
    let (mut lost_without, mut lost_behind) = (0, 0);
    for (fence, condition, room) in rows {
        let told = tell(&database, fence, room.parse()?).await?;
        let is_lost = !told.moves.contains(&told.shown);
        match fence {
            Fence::None => {
                lost_without += u8::from(is_lost);
                write!(out, "{}", told.steps)?;
                let (checked, shown) = ("the database checks", told.shown);
                let shown = format!("{shown} is");
                let (late, has) = ("A's write is", "the database has");
                writeln!(out, "{checked:<26}{late:<14}{has:<22}{shown}")?;
            }
            Fence::Token | Fence::Number => lost_behind += u8::from(is_lost),
        }
        let late = if told.is_late_write_stored {
            "stored"
        } else {
            "refused"
        };
        let shown = if is_lost { "lost" } else { "kept" };
        writeln!(
            out,
            "{condition:<26}{late:<14}{:<22}{shown}",
            text(&told.moves)
        )?;
    }
    database.close().await;
    writeln!(
        out,
        "verdict: moves lost behind a lease: {lost_without} without a fence, {lost_behind} with one"
    )?;
    Ok(())
}

/// What happens to one room. Nothing is frozen by a signal: that A does not run between its check and its
/// write is the order of these lines. `kill -STOP`, a collector of garbage and a full disk do the same.
async fn tell(database: &Database, fence: Fence, room: GameId) -> Result<Told> {
    add_room(database, &room).await?;
    let (late, shown): (Move, Move) = ("g1f3".parse()?, "d2d4".parse()?);

    let a = Owner::take(database, &room, 0).await?;
    let mut a = a.context("a free lease can be taken")?;
    let mut steps = format!(
        "   0 s  A takes the lease for {LEASE} s, token {}, and loads {}\n",
        a.token,
        text(&a.moves)
    );
    let refused = Owner::take(database, &room, 5).await?;
    ensure!(refused.is_none(), "the lease is A's until 10 s");
    steps += "   5 s  B asks for the lease, and is refused: it is A's\n";
    ensure!(a.may_write(9), "A's lease is valid for another second");
    steps += &format!(
        "   9 s  white sends {late} to A; A's lease is valid, so it may write\n        \
         A is frozen before it writes\n"
    );

    let b = Owner::take(database, &room, 12).await?;
    let mut b = b.context("a lease whose time is over can be taken")?;
    steps += &format!(
        "  12 s  B takes the lease, token {}, and loads {}\n",
        b.token,
        text(&b.moves)
    );
    ensure!(b.may_write(13) && b.write(shown, fence).await?);
    steps += &format!(
        "  13 s  white has come to B and plays {shown}, which is stored and shown to both\n  \
         40 s  A runs again, behind its check, and writes\n"
    );

    let is_late_write_stored = a.write(late, fence).await?;
    Ok(Told {
        steps,
        is_late_write_stored,
        moves: database.game(&room).await?.moves,
        shown,
    })
}

/// A room with two moves, and a lease that is free.
async fn add_room(database: &Database, room: &GameId) -> Result<()> {
    database
        .add_game(&Game {
            id: room.clone(),
            white_player: "white".to_owned(),
            black_player: "black".to_owned(),
            year: None,
            moves: vec!["e2e4".parse()?, "e7e5".parse()?],
        })
        .await?;
    let insert = "INSERT INTO leases (room, valid_until, token) VALUES ($1, 0, 0)";
    on_either!(database.pools(), pool => {
        sqlx::query(insert).bind(room.as_str()).execute(pool).await?.rows_affected()
    });
    Ok(())
}

impl<'a> Owner<'a> {
    /// Takes the lease at this second; none if another server has it.
    async fn take(database: &'a Database, room: &GameId, now: i64) -> Result<Option<Self>> {
        let token: Vec<i64> = on_either!(database.pools(), pool => {
            let take = sqlx::query_scalar(TAKE).bind(room.as_str()).bind(now).bind(LEASE);
            take.fetch_all(pool).await?
        });
        let Some(&token) = token.first() else {
            return Ok(None);
        };
        Ok(Some(Self {
            database,
            room: room.clone(),
            token,
            valid_until: now + LEASE,
            moves: database.game(room).await?.moves,
        }))
    }

    /// Whether this server's lease is valid, by its own clock.
    fn may_write(&self, now: i64) -> bool {
        now < self.valid_until
    }

    /// Writes the room with one more move; returns whether the database has stored it.
    async fn write(&mut self, played: Move, fence: Fence) -> Result<bool> {
        let number = self.moves.len() as u32 + 1;
        self.moves.push(played);
        let statement = match fence {
            Fence::None => SAVE,
            Fence::Token => SAVE_BY_TOKEN,
            Fence::Number => {
                let stored = self.database.add_move(&self.room, played, Some(number));
                return match stored.await {
                    Ok((added, _)) => Ok(added == Added::Now),
                    Err(StoreError::NotNext { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                };
            }
        };
        let moves: String = self
            .moves
            .iter()
            .map(|played| format!(" {played}"))
            .collect();
        let saved = on_either!(self.database.pools(), pool => {
            let save = sqlx::query(statement);
            let save = save.bind(self.room.as_str()).bind(moves).bind(i64::from(number));
            let save = match fence {
                Fence::Token => save.bind(self.token),
                Fence::None | Fence::Number => save,
            };
            save.execute(pool).await?.rows_affected()
        });
        Ok(saved == 1)
    }
}

fn text(moves: &[Move]) -> String {
    let moves: Vec<String> = moves.iter().map(ToString::to_string).collect();
    moves.join(" ")
}
