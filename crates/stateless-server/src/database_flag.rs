//! `--database URL`, for programs whose command line clap reads.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::{BadDatabaseUrl, DatabaseUrl};

/// The value of `--database`.
///
/// Parsing it never fails, because clap repeats an invalid value in its message, and this one may hold a
/// password. [`url`](Self::url) returns what is wrong with it.
#[derive(Clone)]
pub struct DatabaseFlag(Result<DatabaseUrl, BadDatabaseUrl>);

impl DatabaseFlag {
    /// The database of the flag.
    ///
    /// # Errors
    /// What is wrong with it, in words for a person, without its text.
    pub fn url(&self) -> Result<DatabaseUrl, String> {
        let url = self.0.clone();
        url.map_err(|error| format!("--database: {error}\n"))
    }

    /// The database of the flag, or of `DATABASE_URL` if there is no flag.
    ///
    /// # Errors
    /// As for [`url`](Self::url).
    pub fn chosen(flag: Option<&Self>) -> Result<Option<DatabaseUrl>, String> {
        match flag {
            Some(flag) => flag.url().map(Some),
            None => DatabaseUrl::from_environment(),
        }
    }
}

impl FromStr for DatabaseFlag {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

impl fmt::Debug for DatabaseFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseFlag({:?})", self.0)
    }
}
