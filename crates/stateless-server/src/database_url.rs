//! Which database the servers share, parsed once from the command line.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

/// `games.db`, `sqlite:games.db?mode=ro`, or `postgres://user:password@host:5432/chess`.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file that all servers of one machine can open.
    Sqlite(SqlitePlace),
    /// The address of a Postgres server. Printed without its password.
    Postgres(String),
}

/// A SQLite file and how it is opened.
#[derive(Clone, Debug)]
pub struct SqlitePlace {
    /// What its user wrote, for a server that is started as another process.
    text: String,
    options: Box<SqliteConnectOptions>,
    is_read_only: bool,
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
        match text {
            "" => Err(BadDatabaseUrl::Empty),
            ":memory:" => Err(BadDatabaseUrl::InMemory),
            file => Ok(Self::sqlite(file)),
        }
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

    /// A SQLite file, by its path. SQLite opens none whose path is no text.
    pub fn sqlite(file: impl AsRef<Path>) -> Self {
        Self::Sqlite(SqlitePlace::at(file.as_ref()))
    }
}

impl SqlitePlace {
    /// Just the file that is named. No URL is made of it: there a blank, a bracket, a `:` and a `|` are
    /// errors, and `a/../b.db` is `b.db`, also where `a` is a link to another folder.
    fn at(file: &Path) -> Self {
        let text = file.to_string_lossy().into_owned();
        // SQLite itself takes a name that begins so for a URL.
        let file = match text.starts_with("file:") {
            true => Path::new(".").join(file),
            false => file.to_owned(),
        };
        let options = SqliteConnectOptions::new().filename(file);
        Self {
            text,
            options: Box::new(options.create_if_missing(true)),
            is_read_only: false,
        }
    }

    fn from_url(url: &str) -> Result<Self, BadDatabaseUrl> {
        let options: SqliteConnectOptions = url.parse().map_err(BadDatabaseUrl::Malformed)?;
        let (_, parameters) = url.split_once('?').unwrap_or_default();
        if url.contains(":memory:") || parameters.contains("mode=memory") {
            return Err(BadDatabaseUrl::InMemory);
        }
        if options.get_filename().as_os_str().is_empty() {
            return Err(BadDatabaseUrl::Empty);
        }
        Ok(Self {
            text: url.to_owned(),
            options: Box::new(match parameters.contains("mode=") {
                true => options,
                false => options.create_if_missing(true),
            }),
            is_read_only: parameters.contains("mode=ro") || parameters.contains("immutable"),
        })
    }

    /// The file itself.
    pub fn file(&self) -> &Path {
        self.options.get_filename()
    }

    /// What names it as `--database`.
    pub fn as_argument(&self) -> &str {
        &self.text
    }

    /// Whether its user asked for a database that nobody writes to.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// How it is opened, and made if it is not there, unless its user chose otherwise.
    pub(crate) fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::clone(&self.options)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(place) => write!(f, "sqlite:{}", place.file().display()),
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
    fn a_path_names_just_that_file_whatever_it_would_mean_in_a_url() {
        for name in [
            "50%25 #1?.db",
            "games:1.db",
            "ga[1].db",
            "a|b.db",
            "./../y.db",
            "data/../games.db",
            r"C:\games.db",
        ] {
            let Ok(DatabaseUrl::Sqlite(place)) = name.parse() else {
                panic!("{name} is a path");
            };
            assert_eq!(place.file(), Path::new(name));
        }
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
