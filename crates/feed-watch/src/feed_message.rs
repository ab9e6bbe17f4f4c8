//! What a server sends, as far as a terminal shows it; `lessons/16-wire-protocol.md` has the rest.

use serde::Deserialize;

/// A message of the server.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum FeedMessage {
    Price {
        stock: String,
        price: String,
        /// It was published before this connection subscribed.
        #[serde(default)]
        last: bool,
        /// How many prices of the stock were skipped since the one before.
        #[serde(default)]
        missed: u64,
    },
    Status {
        /// `live` or `stale`.
        feed: String,
        /// None where the status is about all prices.
        stock: Option<String>,
    },
    Error {
        message: String,
    },
    /// A newer server has messages that this client does not know; they are skipped.
    #[serde(other)]
    Other,
}
