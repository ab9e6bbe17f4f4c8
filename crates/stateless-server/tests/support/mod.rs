//! Databases and servers that a test starts, and that end with it, also when it fails.

// Every file under tests/ is a program of its own and uses the part that it needs.
#![allow(dead_code, unreachable_pub, unused_imports, unused_macros)]

pub mod server;

use std::path::PathBuf;
use std::sync::Arc;

use harness::Postgres;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

/// An empty database of a test's own.
pub enum TestDatabase {
    Sqlite { directory: TempDir },
    Postgres { server: Arc<Postgres>, name: String },
}

impl TestDatabase {
    pub fn sqlite() -> Self {
        Self::Sqlite {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// `None` if Postgres is not installed.
    pub fn postgres() -> Option<Self> {
        let server = Postgres::shared()?;
        let name = server.create_database();
        Some(Self::Postgres { server, name })
    }

    /// Another empty database of the same kind.
    pub fn another(&self) -> Self {
        match self {
            Self::Sqlite { .. } => Self::sqlite(),
            Self::Postgres { server, .. } => Self::Postgres {
                server: Arc::clone(server),
                name: server.create_database(),
            },
        }
    }

    /// What `--database` is given.
    pub fn flag(&self) -> String {
        match self {
            Self::Sqlite { .. } => self.file().to_str().unwrap().to_owned(),
            Self::Postgres { server, name } => server.url(name),
        }
    }

    /// Gives a game so many moves, more than requests would bring in the time of a test.
    pub async fn lengthen(&self, id: &str, moves: usize) {
        let update = |repeated: String| {
            format!("UPDATE games SET moves = {repeated}, move_count = {moves} WHERE id = '{id}'")
        };
        match self {
            Self::Sqlite { .. } => {
                let repeated = format!("replace(hex(zeroblob({moves})), '00', ' a2a3')");
                let url = format!("sqlite:{}", self.flag());
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                let update = AssertSqlSafe(update(repeated));
                sqlx::query(update).execute(&mut connection).await.unwrap();
            }
            Self::Postgres { server, name } => {
                server.run(name, &update(format!("repeat(' a2a3', {moves})")));
            }
        }
    }

    /// The file of a SQLite database.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite { directory } => directory.path().join("games.db"),
            Self::Postgres { .. } => panic!("Postgres has no file"),
        }
    }
}

/// Tells each story on both databases, as `on_sqlite::NAME` and `on_postgres::NAME`.
macro_rules! on_both_databases {
    ($(async fn $name:ident($database:ident) $story:block)*) => {
        $(async fn $name($database: &$crate::support::TestDatabase) $story)*

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::support::TestDatabase::sqlite()).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(database) = $crate::support::TestDatabase::postgres() {
                    super::$name(&database).await;
                }
            })*
        }
    };
}
pub(crate) use on_both_databases;
