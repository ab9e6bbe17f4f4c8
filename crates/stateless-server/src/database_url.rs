//! Which database the servers share, parsed once from the command line.

use std::env::VarError;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use url::Url;

/// The parameters that a Postgres address may have. sqlx logs any other one with its value, and passes over
/// it: the second half of a password with a `?` in it would be one.
const POSTGRES_PARAMETERS: [&str; 17] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

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

/// Why a text does not name a database. No message repeats the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDatabaseUrl {
    /// Another kind of database.
    #[error(
        "{scheme:?} is not a database known here; use sqlite:FILE or postgres://USER@HOST/NAME"
    )]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// libpq's `host=… password=…`, ADO's `Server=…;Password=…`, or a URL without its colon.
    #[error(
        "this is neither a URL nor a file; use postgres://USER:PASSWORD@HOST/NAME, or sqlite:FILE \
         for a file of that name"
    )]
    Settings,
    /// A character of the password ends the part of the URL that it is in.
    #[error(
        "this is not the address of a database: something is left over after the host; in a \
         password, write / as %2F, ? as %3F, # as %23 and @ as %40"
    )]
    Unescaped,
    /// `sqlite::memory:`, which would be another database in each process.
    #[error(
        "a database in memory is one per process, which is what --in-memory shows; name a file"
    )]
    InMemory,
    /// No name at all.
    #[error("the database has no name; use sqlite:FILE or postgres://USER@HOST/NAME")]
    Empty,
    /// The right kind, but not understood.
    #[error("this is not the address of a database: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
}

impl FromStr for DatabaseUrl {
    type Err = BadDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, BadDatabaseUrl> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            check_postgres(text)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        if let Some(file) = text.strip_prefix("sqlite:") {
            let host = file
                .strip_prefix("//")
                .and_then(|rest| rest.split('/').next());
            if host.is_some_and(|host| host.contains('@')) {
                return Err(BadDatabaseUrl::Settings);
            }
            return SqlitePlace::from_url(text).map(Self::Sqlite);
        }
        if let Some((scheme, _)) = text.split_once("://")
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-".contains(c))
        {
            return Err(BadDatabaseUrl::UnknownScheme {
                scheme: scheme.to_owned(),
            });
        }
        if is_settings(text) {
            return Err(BadDatabaseUrl::Settings);
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
        let wrong = |reason: String| format!("the environment's DATABASE_URL: {reason}\n");
        match std::env::var("DATABASE_URL") {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => match text.parse() {
                Ok(url) => Ok(Some(url)),
                Err(error) => Err(wrong(format!("{error}"))),
            },
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(wrong("it is not text in UTF-8".to_owned())),
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
        let options: SqliteConnectOptions = url.parse().map_err(malformed)?;
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

    /// The path of the file, for instance `games.db`.
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

/// Refuses what sqlx would take in another meaning than its user: a password with an unescaped `/`, `?`, `#`
/// or `@` in it is partly a host, a port, a name or a parameter, and parts of it would be printed.
fn check_postgres(text: &str) -> Result<(), BadDatabaseUrl> {
    let url = Url::parse(text).map_err(|error| BadDatabaseUrl::Malformed {
        reason: error.to_string(),
    })?;
    let is_parameter = |name: &str| {
        POSTGRES_PARAMETERS.contains(&name)
            || name == "statement-cache-capacity"
            || name.starts_with("options[")
    };
    let is_left_over = url.path().contains('@')
        || url.fragment().is_some()
        || url.username().to_ascii_lowercase().contains("%3a")
        || url.query_pairs().any(|(name, _)| !is_parameter(&name));
    if is_left_over {
        return Err(BadDatabaseUrl::Unescaped);
    }
    text.parse::<PgConnectOptions>()
        .map(drop)
        .map_err(malformed)
}

/// sqlx quotes the value of some parameters, and never the address.
fn malformed(error: sqlx::Error) -> BadDatabaseUrl {
    BadDatabaseUrl::Malformed {
        reason: error.to_string(),
    }
}

/// Whether a text looks like connection settings, and not like a file: `host=db password=x`,
/// `Server=db;Password=x`, `postgres//user:x@db`. A file of such a name is reached with its folder,
/// `./host=db`, or as `sqlite:host=db`.
fn is_settings(text: &str) -> bool {
    let first = text.split(['/', '\\', '.']).next().unwrap_or_default();
    let is_word = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || " _-".contains(c))
    };
    let has_keyword = first.split_once('=').is_some_and(|(name, _)| is_word(name));
    let is_drive = matches!(text.as_bytes(), [_, b':', b'/' | b'\\', ..]);
    let has_folder = text.starts_with(['.', '/', '\\']) || is_drive;
    let has_login = |(login, _): (&str, &str)| login.contains(':');
    has_keyword || !has_folder && text.split_once('@').is_some_and(has_login)
}

/// `postgres://user:secret@host/name` becomes `postgres://user@host/name`.
///
/// A password may also be among the parameters, so those are not shown either.
fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return "postgres".to_owned();
    };
    // These fail for an address without a host, which has no password there.
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
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
            "./host=localhost password=x",
            "folder/a=b.db",
            "games//old.db",
            r"C:\me@home.db",
            "/home/me:x@home/games.db",
        ] {
            let Ok(DatabaseUrl::Sqlite(place)) = name.parse() else {
                panic!("{name} is a path");
            };
            assert_eq!(place.file(), Path::new(name));
        }
    }

    #[test]
    fn connection_settings_of_other_libraries_are_not_the_name_of_a_file() {
        for text in [
            "host=localhost user=chess password=secret",
            "password=secret",
            "Server=localhost;User Id=chess;Password=secret",
            "postgres//chess:secret@localhost/chess",
            "postgres:/chess:secret@localhost/chess",
            "postgres:chess:secret@localhost/chess",
            "postgres://chess:12?secret@localhost/chess",
            "postgres://chess:12/secret@localhost/chess",
            "postgres://chess:12#secret@localhost/chess",
            "postgres://chess:secret@localhost:port/chess",
            "postgres://chess%3Asecret@localhost/chess",
            "postgres://localhost/chess?passwort=secret",
            "chess:secret@localhost",
            "mysql://chess:secret@localhost/chess",
            "chess:secret@mysql://localhost",
            "sqlite://chess:secret@localhost/chess",
        ] {
            let refused = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{text}: {refused}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "postgres://user:secret@host:5432/chess",
            "postgresql://user:sec@ret@host/chess",
            "postgres://user@host/chess?password=secret",
            "postgres://:secret@host/chess",
            "postgresql://user:sec%40ret@host/chess",
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            for shown in [url.to_string(), format!("{url:?}")] {
                assert!(!shown.contains("sec") && !shown.contains("ret"), "{shown}");
                assert!(shown.contains("host"), "{shown}");
            }
        }
    }
}
