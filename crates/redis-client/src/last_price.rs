//! Where the last price of a stock is stored.

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
