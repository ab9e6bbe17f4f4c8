//! What a database's error means to somebody who only wanted to play chess.

use sqlx::Error;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;

/// Why the database cannot be used now, or `None` where the fault is this program's.
pub(super) fn reason(error: &Error) -> Option<&'static str> {
    match error {
        Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
            Some("the database cannot be reached")
        }
        Error::Database(said) => match said.try_downcast_ref::<SqliteError>() {
            Some(_) => sqlite(primary_code(said.as_ref())?, said.as_ref()),
            None => postgres(&said.code()?),
        },
        _ => None,
    }
}

/// SQLite's primary result code, which is the low byte; the rest says more than a user needs.
pub(super) fn primary_code(said: &dyn DatabaseError) -> Option<u32> {
    Some(said.code()?.parse::<u32>().ok()? & 0xff)
}

/// By SQLite's result codes, <https://www.sqlite.org/rescode.html>.
fn sqlite(code: u32, said: &dyn DatabaseError) -> Option<&'static str> {
    match code {
        1 if said.message().starts_with("no such table") => Some(NO_TABLES),
        5 | 6 => Some("the database is busy with other servers' writes"),
        8 => Some("the database is read-only now; games can be read, not changed"),
        10 => Some("the database's disk does not read or write"),
        11 | 26 => Some("the database file is damaged or is none; its owner must restore it"),
        13 => Some("the disk of the database is full; its owner must make room"),
        14 => Some("the database file is gone or may not be opened; its owner must restore it"),
        _ => None,
    }
}

/// By SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres(code: &str) -> Option<&'static str> {
    match code {
        "25006" => Some("the database is read-only now; games can be read, not changed"),
        "3D000" => Some("the database is gone; its owner must restore it"),
        "42P01" => Some(NO_TABLES),
        "53100" => Some("the disk of the database is full; its owner must make room"),
        // What a prepared statement meets where pgbouncer gives each transaction another connection.
        "42P05" | "26000" | "08P01" => Some(
            "a pgbouncer before the database shares connections between statements; its owner must set \
             pool_mode=session, or take pgbouncer 1.21 or later with max_prepared_statements",
        ),
        "42501" => Some("this server's user may only read the database"),
        "53300" => Some("the database has no connection to spare"),
        _ => match code.get(..2)? {
            "08" | "57" => Some("the database is shutting down, starting, or cut the connection"),
            "28" => Some("the database refuses this server's user"),
            "40" => Some("the database is busy with other servers' writes"),
            "53" => Some("the database has run out of memory or disk"),
            "58" | "XX" => Some("the database's disk does not read or write"),
            _ => None,
        },
    }
}

const NO_TABLES: &str = "the database has lost its tables; its owner must restore it";
