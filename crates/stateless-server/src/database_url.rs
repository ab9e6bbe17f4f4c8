//! Which database the servers share, parsed once from the command line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

/// `sqlite:games.db`, `games.db`, or `postgres://user:password@host:5432/chess`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file that all servers of one machine can open.
    Sqlite(SqlitePlace),
    /// The address of a Postgres server. Printed without its password.
    Postgres(String),
}

/// A SQLite file and how it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlitePlace {
    file: PathBuf,
    /// What follows the file's name in the URL, where its user chose: `mode=ro`.
    parameters: Option<String>,
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
pub enum BadDatabaseUrl {
    /// Another kind of database.
    #[error("{scheme:?} is no database known here; use sqlite:FILE or postgres://USER@HOST/NAME")]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// SQLite's `:memory:`.
    #[error(
        "a database in memory is one per process, which is what --in-memory shows; name a file"
    )]
    InMemory,
    /// No name at all.
    #[error("the database has no name; use sqlite:FILE or postgres://USER@HOST/NAME")]
    Empty,
    /// The right kind, but not understood.
    #[error("this is not the address of a database: {0}")]
    Malformed(#[source] sqlx::Error),
}

impl FromStr for DatabaseUrl {
    type Err = BadDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, BadDatabaseUrl> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            text.parse::<PgConnectOptions>()
                .map_err(BadDatabaseUrl::Malformed)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        if text.starts_with("sqlite:") {
            return SqlitePlace::from_url(text).map(Self::Sqlite);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(BadDatabaseUrl::UnknownScheme {
                scheme: scheme.to_owned(),
            });
        }
        SqlitePlace::at(text).map(Self::Sqlite)
    }
}

impl DatabaseUrl {
    /// What `DATABASE_URL` says; an empty one says nothing.
    ///
    /// Read here and not by clap, whose message would print the value with its password.
    ///
    /// # Errors
    /// What is wrong with it, for a person, without its text.
    pub fn from_environment() -> Result<Option<Self>, String> {
        match std::env::var("DATABASE_URL") {
            Ok(said) if !said.is_empty() => match said.parse() {
                Ok(url) => Ok(Some(url)),
                Err(error) => Err(format!("the environment's DATABASE_URL: {error}\n")),
            },
            _ => Ok(None),
        }
    }

    /// A SQLite file, by a path that no URL need be made of.
    pub fn sqlite(file: impl Into<PathBuf>) -> Self {
        Self::Sqlite(SqlitePlace {
            file: file.into(),
            parameters: None,
        })
    }
}

impl SqlitePlace {
    fn at(file: impl Into<PathBuf>) -> Result<Self, BadDatabaseUrl> {
        let file = file.into();
        match file.to_str() {
            Some("") => Err(BadDatabaseUrl::Empty),
            Some(":memory:") => Err(BadDatabaseUrl::InMemory),
            _ => Ok(Self {
                file,
                parameters: None,
            }),
        }
    }

    fn from_url(url: &str) -> Result<Self, BadDatabaseUrl> {
        let options: SqliteConnectOptions = url.parse().map_err(BadDatabaseUrl::Malformed)?;
        let parameters = url
            .split_once('?')
            .map(|(_, parameters)| parameters.to_owned());
        if url.contains(":memory:") || parameters.iter().any(|all| all.contains("mode=memory")) {
            return Err(BadDatabaseUrl::InMemory);
        }
        Ok(Self {
            parameters,
            ..Self::at(options.get_filename())?
        })
    }

    /// The file itself.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether its user asked for a database that nobody writes to.
    pub fn is_read_only(&self) -> bool {
        self.parameters
            .iter()
            .any(|all| all.contains("mode=ro") || all.contains("immutable"))
    }

    /// The URL that opens the file if it is there.
    pub(crate) fn existing(&self) -> String {
        format!(
            "sqlite://{}?{}",
            self.escaped(),
            self.parameters.as_deref().unwrap_or("mode=rw")
        )
    }

    /// The URL that makes the file if it is not there, unless its user chose otherwise.
    pub fn existing_or_new(&self) -> String {
        format!(
            "sqlite://{}?{}",
            self.escaped(),
            self.parameters.as_deref().unwrap_or("mode=rwc")
        )
    }

    /// The file's name as a part of a URL; these three characters mean something there.
    fn escaped(&self) -> String {
        let name = self.file.to_string_lossy();
        name.replace('%', "%25")
            .replace('?', "%3F")
            .replace('#', "%23")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(place) => write!(f, "sqlite:{}", place.file.display()),
            Self::Postgres(address) => f.write_str(&without_password(address)),
        }
    }
}

/// Derived, it would print the password into a log.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// `postgres://user:secret@host/name` becomes `postgres://user@host/name`.
fn without_password(address: &str) -> String {
    // A password may also stand among the parameters, so those are not shown either.
    let address = address.split('?').next().unwrap_or_default();
    let Some((login, place)) = address.rsplit_once('@') else {
        return address.to_owned();
    };
    let (scheme, user) = login.split_once("://").unwrap_or(("postgres", login));
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        url.parse::<DatabaseUrl>().unwrap().to_string()
    }

    #[test]
    fn a_file_may_be_named_as_a_path_or_as_a_url() {
        assert_eq!(shown("games.db"), "sqlite:games.db");
        assert_eq!(shown("sqlite:games.db"), "sqlite:games.db");
        assert_eq!(shown("sqlite:///var/games.db"), "sqlite:/var/games.db");
        assert_eq!(shown("/var/my games.db"), "sqlite:/var/my games.db");
    }

    #[test]
    fn a_name_that_means_something_in_a_url_is_still_the_name_of_a_file() {
        let Ok(DatabaseUrl::Sqlite(place)) = "50%25 #1?.db".parse() else {
            panic!("it is a path");
        };
        let back: SqliteConnectOptions = place.existing().parse().unwrap();
        assert_eq!(back.get_filename(), Path::new("50%25 #1?.db"));
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "postgres://user:secret@host:5432/chess",
            "postgresql://user:sec@ret@host/chess",
            "postgres://user@host/chess?password=secret",
            "postgres://:secret@host/chess",
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            for shown in [url.to_string(), format!("{url:?}")] {
                assert!(!shown.contains("sec") && !shown.contains("ret"), "{shown}");
                assert!(shown.contains("host"), "{shown}");
            }
        }
    }
}
