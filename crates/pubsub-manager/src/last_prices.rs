//! The last price of a stock for its first users: what the broker has stored, read once the channel is
//! confirmed.
//!
//! The order makes it right. If the server read first and subscribed then, a price that is published in
//! between would be in neither, and the users would keep an old one, called live, until the next. So it
//! subscribes, and reads then. Every price that was published before the read has come by the time of its
//! answer, because both take the same connection (see
//! [`last_prices`](BrokerConnection::last_prices)); every other one was published after the read. So the
//! stored price counts only if no price of the stock has come: such a price is the stored one, or newer.

use crate::{
    Price, Stock,
    broker::{BrokerConnection, BrokerError},
};
use hub::Hub;
use std::sync::Once;

/// Gives the hub the stored prices of stocks whose channels were just confirmed.
pub(crate) async fn read(
    hub: &Hub,
    connection: &impl BrokerConnection,
    stocks: &[Stock],
) -> Result<(), BrokerError> {
    // After a reconnect the users have a price already, and a stored one may be older: of a publisher
    // that does not store, or in a replica that took over without the last writes. Nothing in two prices
    // says which is newer, so users keep theirs until the next comes.
    let mut unknown = stocks.to_vec();
    unknown.retain(|stock| !hub.knows_price(stock));
    if unknown.is_empty() {
        return Ok(());
    }
    let stored = match connection.last_prices(&unknown).await {
        Err(BrokerError::Refused(reason)) => {
            log_refusal(&reason);
            return Ok(());
        }
        stored => stored?,
    };
    for (stock, stored) in stored {
        match Price::from_bytes(&stored) {
            Ok(price) => hub.stored_price(stock, price),
            Err(error) => hub.invalid_stored_price(stock, &error),
        }
    }
    Ok(())
}

/// Logs that last prices cannot be read, once and not with each batch. The feed works without them.
fn log_refusal(reason: &str) {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        let instead = "the first user of a stock is sent nothing until its next price";
        tracing::warn!(reason, instead, "the broker refuses the last prices");
    });
}
