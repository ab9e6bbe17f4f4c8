//! The seam below: where prices come from. Two twins stand behind it.

pub(crate) mod in_process;
#[cfg(feature = "redis")]
pub(crate) mod redis;

use crate::{Price, Stock, reconciler::Command};
use std::future::Future;
use thiserror::Error;

/// A place where prices are published and from which this server hears those it subscribed to.
///
/// The promise is that of publish and subscribe, not that of a queue: a price is heard at most
/// once, in the order in which it was published on its channel, by those who are subscribed at
/// that moment. Whoever was not there has missed it. The promise ends with the link: a lost link
/// has lost its subscriptions too, and says so by an error.
pub(crate) trait Broker: Send + Sync + 'static {
    type Link: Link;

    /// Makes a link, on which nothing is subscribed yet.
    fn connect(&self) -> impl Future<Output = Result<Self::Link, Lost>> + Send;
}

/// One link to a broker. It belongs to one task, which asks and listens.
pub(crate) trait Link: Send {
    /// Asks for channels, without waiting for the answer: that comes in what is heard.
    fn ask(&mut self, command: &Command);

    /// Asks for a sign of life, such as a message to ourselves: [`Heard::Alive`] is the answer.
    fn probe(&mut self);

    /// Waits until there is something to hear, and appends all that came at once.
    ///
    /// It is safe to cancel: what was not appended comes with the next call.
    fn listen(&mut self, heard: &mut Vec<Heard>) -> impl Future<Output = Result<(), Lost>> + Send;
}

/// What a broker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Price(Stock, Price),
    /// Something on one of our channels that is no price; the text is for the log.
    Garbage(String),
    Subscribed(Stock),
    Unsubscribed(Stock),
    /// The command that was asked first and not answered yet is refused, as a whole.
    Refused(String),
    /// The probe came back.
    Alive,
}

impl Heard {
    /// What a message on a stock's channel is: a price, or garbage.
    pub(crate) fn message(stock: Stock, message: &[u8]) -> Self {
        match Price::from_bytes(message) {
            Ok(price) => Self::Price(stock, price),
            Err(error) => Self::Garbage(format!("on the channel of {stock}: {error}")),
        }
    }

    /// A message that is longer than any price can be, and was not looked at.
    #[cfg(feature = "redis")]
    pub(crate) fn too_long(stock: Stock, bytes: usize) -> Self {
        Self::Garbage(format!(
            "on the channel of {stock}: a message of {bytes} bytes is no price"
        ))
    }
}

/// The link is lost, or could not be made.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub(crate) struct Lost(pub(crate) String);
