//! The broker that reaches every server: a Redis.
//!
//! A connection that does nothing but subscribe, in the second version of the protocol: every
//! Redis and every proxy speaks it, and for this it lacks nothing.

pub(crate) mod publisher;
mod resp;
pub(crate) mod url;
mod wire;

use super::{Broker, Heard, Link, Lost};
use crate::{Stock, reconciler::Command};
use resp::{Part, Reply};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::timeout};
use url::RedisUrl;
use wire::{Wire, accepted, refused};

/// How long publishing the probe may take before a PING takes its place.
const PUBLISH_PROBE: Duration = Duration::from_secs(2);

/// A Redis, and how our channels are called there.
pub(crate) struct Redis {
    url: Arc<RedisUrl>,
    prefix: Arc<str>,
}

impl Redis {
    pub(crate) fn new(url: RedisUrl, prefix: &str) -> Self {
        Self {
            url: Arc::new(url),
            prefix: prefix.into(),
        }
    }
}

impl Broker for Redis {
    type Link = RedisLink;

    async fn connect(&self) -> Result<RedisLink, Lost> {
        let mut wire = Wire::dial(&self.url).await?;
        // No stock is written in lower case, so this channel is nobody's stock.
        let channel = format!("{}probe.{:016x}", self.prefix, fastrand::u64(..));
        wire.write(redis::cmd("CLIENT").arg("SETNAME").arg("pubsub-manager"));
        wire.write(redis::cmd("SUBSCRIBE").arg(&channel));
        // The name is for whoever lists the clients; that it is refused changes nothing.
        wire.answer(|_| ()).await?;
        let hears_itself = wire.answer(|reply| match reply {
            Reply::One(Part::Error(error)) if error.starts_with(b"NOPERM") => Ok(false),
            reply => accepted(reply).map(|()| true),
        });
        let hears_itself = hears_itself.await??;
        if !hears_itself {
            tracing::warn!(
                channel,
                "Redis refuses our probe's channel: PING takes its place, which a link that lost \
                 its subscriptions answers too"
            );
        }
        Ok(RedisLink {
            wire,
            url: Arc::clone(&self.url),
            prefix: Arc::clone(&self.prefix),
            unanswered: VecDeque::new(),
            probe: Probe {
                channel: channel.into(),
                hears_itself,
                unpublished: Arc::default(),
            },
        })
    }
}

/// A link to a Redis.
pub(crate) struct RedisLink {
    wire: Wire,
    url: Arc<RedisUrl>,
    prefix: Arc<str>,
    /// What we asked is answered in the order in which we asked.
    unanswered: VecDeque<Asked>,
    probe: Probe,
}

enum Asked {
    /// A subscribe or unsubscribe, and how many channels of it are not confirmed.
    Channels(usize),
    Ping,
}

/// A message to ourselves, which goes the way that prices go.
struct Probe {
    channel: Arc<str>,
    hears_itself: bool,
    /// Publishing it was refused, or nobody answered.
    unpublished: Arc<Notify>,
}

impl Link for RedisLink {
    fn ask(&mut self, command: &Command) {
        let (verb, stocks) = match command {
            Command::Subscribe(stocks) => ("SUBSCRIBE", stocks),
            Command::Unsubscribe(stocks) => ("UNSUBSCRIBE", stocks),
        };
        let mut command = redis::cmd(verb);
        for stock in stocks {
            command.arg(format!("{}{stock}", self.prefix));
        }
        self.wire.write(&command);
        self.unanswered.push_back(Asked::Channels(stocks.len()));
    }

    /// Publishes over a connection that is made for it. One that was made before, such as this link
    /// itself, may hang on a server that is the master no more: there the probe would be heard, and
    /// no price.
    fn probe(&mut self) {
        if !self.probe.hears_itself {
            return self.ping();
        }
        let (url, channel) = (Arc::clone(&self.url), Arc::clone(&self.probe.channel));
        let unpublished = Arc::clone(&self.probe.unpublished);
        tokio::spawn(async move {
            let publish = async {
                let mut wire = Wire::dial(&url).await?;
                wire.write(redis::cmd("PUBLISH").arg(&*channel).arg(""));
                wire.answer(accepted).await?
            };
            if !matches!(timeout(PUBLISH_PROBE, publish).await, Ok(Ok(()))) {
                unpublished.notify_one();
            }
        });
    }

    async fn listen(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        let before = heard.len();
        loop {
            while let Some(reply) = self.wire.next_reply()? {
                let probe = &self.probe.channel;
                heard.extend(understand(
                    &reply,
                    &self.prefix,
                    probe,
                    &mut self.unanswered,
                )?);
            }
            if heard.len() > before {
                return Ok(());
            }
            tokio::select! {
                biased;
                result = self.wire.exchange() => result?,
                () = self.probe.unpublished.notified() => self.ping(),
            }
        }
    }
}

impl RedisLink {
    fn ping(&mut self) {
        self.wire.write(&redis::cmd("PING"));
        self.unanswered.push_back(Asked::Ping);
    }
}

/// What a reply means; none if it means nothing to us.
fn understand(
    reply: &Reply<'_>,
    prefix: &str,
    probe: &str,
    unanswered: &mut VecDeque<Asked>,
) -> Result<Option<Heard>, Lost> {
    match reply {
        Reply::Many(parts) => Ok(match parts.as_slice() {
            [Part::Text(b"message"), Part::Text(channel), _] if *channel == probe.as_bytes() => {
                Some(Heard::Alive)
            }
            [
                Part::Text(b"message"),
                Part::Text(channel),
                Part::Text(message),
            ] => stock_of(channel, prefix).map(|stock| Heard::message(stock, message)),
            [
                Part::Text(b"message"),
                Part::Text(channel),
                Part::TooLong(bytes),
            ] => stock_of(channel, prefix).map(|stock| Heard::too_long(stock, *bytes)),
            [Part::Text(b"subscribe"), Part::Text(channel), _] => {
                confirm(unanswered);
                stock_of(channel, prefix).map(Heard::Subscribed)
            }
            [Part::Text(b"unsubscribe"), Part::Text(channel), _] => {
                confirm(unanswered);
                stock_of(channel, prefix).map(Heard::Unsubscribed)
            }
            [Part::Text(b"pong"), ..] => {
                unanswered.pop_front();
                Some(Heard::Alive)
            }
            _ => None,
        }),
        Reply::One(Part::Error(error)) => match unanswered.pop_front() {
            Some(Asked::Channels(_)) => Ok(Some(Heard::Refused(
                String::from_utf8_lossy(error).into_owned(),
            ))),
            // A PING that is refused was answered all the same.
            Some(Asked::Ping) => Ok(Some(Heard::Alive)),
            None => Err(refused(error)),
        },
        Reply::One(_) => {
            // Where nothing is subscribed, a PING is answered by a word instead of a list.
            Ok(matches!(unanswered.pop_front(), Some(Asked::Ping)).then_some(Heard::Alive))
        }
    }
}

fn stock_of(channel: &[u8], prefix: &str) -> Option<Stock> {
    Stock::from_bytes(channel.strip_prefix(prefix.as_bytes())?).ok()
}

/// One channel of what was asked first is answered.
fn confirm(unanswered: &mut VecDeque<Asked>) {
    if let Some(Asked::Channels(left)) = unanswered.front_mut() {
        *left -= 1;
        if *left == 0 {
            unanswered.pop_front();
        }
    }
}
