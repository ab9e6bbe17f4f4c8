//! What a SQLite file needs so that several servers can share it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ConstantBuilder, Retryable};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Error, SqlitePool};
use tokio::time::sleep;

use super::unavailable::primary_code;
use crate::database_url::SqlitePlace;

/// How long a writer waits for another server's write to end, instead of failing at once.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pauses before a file is opened again that SQLite did not wait for.
const BUSY_PAUSES: ConstantBuilder = ConstantBuilder::new()
    .with_delay(Duration::from_millis(50))
    .without_max_times();

/// Opens the file, makes it if it is not there, and gives a pool of connections to it.
pub(super) async fn open(
    place: &SqlitePlace,
    pool: SqlitePoolOptions,
) -> Result<SqlitePool, Error> {
    let options = with_settings(place.options(), place.is_read_only());
    // Only here is it made. The pool opens what exists: if the file vanishes later, a server must say
    // so, and not go on with a new, empty one.
    //
    // To switch the file to the log SQLite reads and then wants to write. Where another server is about to
    // write it refuses at once, whatever the busy timeout, because two who wait so wait for each other: of
    // three servers that began at once, one ended with "database is locked". Where it does wait, and in vain,
    // the time is over.
    let began = Instant::now();
    let connect = || async { options.connect().await };
    let first = connect
        .retry(BUSY_PAUSES)
        .sleep(sleep)
        .when(|error| is_busy(error) && began.elapsed() < BUSY_TIMEOUT)
        .await?;
    let watch = Arc::new(Mutex::new(Watch::new(place.file())));
    let pool = pool.before_acquire(move |_, connection| {
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = watch.opened_this_file(connection.age);
        Box::pin(async move { Ok(is_current) })
    });
    let pool = pool
        .connect_with(options.clone().create_if_missing(false))
        .await;
    // Not before: the last one to close a file takes the log away.
    first.close().await?;
    pool
}

fn is_busy(error: &Error) -> bool {
    const BUSY: u32 = 5;
    error.as_database_error().and_then(primary_code) == Some(BUSY)
}

/// What each new connection is told.
fn with_settings(options: SqliteConnectOptions, is_read_only: bool) -> SqliteConnectOptions {
    let options = options
        .busy_timeout(BUSY_TIMEOUT)
        // With the log, NORMAL lets the disk catch up when the log is folded into the file rather
        // than at every commit. A killed server loses nothing; a power cut may lose the last
        // moments, but never damages the file. FULL is the answer where that is too much.
        .synchronous(SqliteSynchronous::Normal)
        // SQLite knows foreign keys but does not hold anyone to them unless asked to, for each
        // connection. One table has none to hold; the first migration that adds a second will.
        .foreign_keys(true);
    if is_read_only {
        return options;
    }
    // Writes go to a log beside the file (write-ahead log), so readers never wait for a writer
    // nor a writer for readers. There is still one writer at a time. The log needs memory that
    // the servers share: all of them run on one machine, and the file is on a disk of its own.
    options.journal_mode(SqliteJournalMode::Wal)
}

/// Notices that the file was deleted, moved or replaced.
///
/// An open connection does not: Unix keeps a deleted file for a process that has it open, so a server
/// would go on answering "201 Created" about games in a file that no other server can find.
struct Watch {
    place: PathBuf,
    /// The file that was there when we last looked; `None` when there was none.
    seen: Option<FileIdentity>,
    /// When we saw that it had changed. Connections that are older belong to another file.
    changed: Instant,
}

/// Two files have the same only if they are the same file: device and inode.
type FileIdentity = (u64, u64);

impl Watch {
    fn new(place: &Path) -> Self {
        Self {
            place: place.to_owned(),
            seen: identity(place),
            changed: Instant::now(),
        }
    }

    /// Whether a connection that was opened `age` ago has the file open that is there now.
    fn opened_this_file(&mut self, age: Duration) -> bool {
        let now = identity(&self.place);
        if now != self.seen {
            self.seen = now;
            self.changed = Instant::now();
        }
        age <= self.changed.elapsed()
    }
}

/// The file is asked for, never opened: closing a second handle to a SQLite file would drop the
/// locks that this process holds on it (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
#[cfg(unix)]
fn identity(place: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(place).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Windows does not let go of a file that somebody has open, so it cannot be swapped under us.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<FileIdentity> {
    None
}
