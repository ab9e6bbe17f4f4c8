//! Where the last price of a stock is stored.

use redis::Cmd;
use std::{collections::BTreeMap, time::Duration};

/// A year, in seconds. Redis refuses a time that overflows its clock, and only when the transaction runs.
const LONGEST_TTL: u64 = 365 * 24 * 60 * 60;

/// The key under which the last message of a channel is stored: `last.{APPL}` for the channel `APPL`.
///
/// Stocks have no lower case, so this is never the name of a stock's channel. In a cluster Redis hashes
/// only what stands between the braces, so the key is in the slot of its channel.
///
/// ```
/// assert_eq!(redis_client::last_price_key("APPL"), "last.{APPL}");
/// ```
pub fn last_price_key(channel: &str) -> String {
    format!("last.{{{channel}}}")
}

/// The commands that store the last message of each channel. No client can read between two commands of
/// a transaction, so one for each channel is enough.
pub(crate) fn set_last_prices<'a>(
    messages: impl IntoIterator<Item = (&'a str, &'a str)>,
    time_to_live: Duration,
) -> Vec<Cmd> {
    let seconds = time_to_live.as_secs().clamp(1, LONGEST_TTL);
    let last: BTreeMap<&str, &str> = messages.into_iter().collect();
    let set = |(channel, message)| {
        let mut set = redis::cmd("SET");
        set.arg(last_price_key(channel)).arg(message);
        set.arg("EX").arg(seconds);
        set
    };
    last.into_iter().map(set).collect()
}
