//! Where prices come from: a Redis that servers listen to, or the bare loop's standard input.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ChildStdin;

use anyhow::Context;
use redis::{Client, Connection};

use crate::stamp::Stamp;

/// Publishes stamped prices and remembers the newest number of each stock.
pub(crate) struct Publisher {
    stocks: Vec<String>,
    newest: Vec<u32>,
    transport: Transport,
}

/// How a price reaches the server.
pub(crate) enum Transport {
    /// Published on the channel of the prefix and the stock's name.
    Redis {
        connection: Box<Connection>,
        prefix: String,
    },
    /// Written as a line, see [`crate::bare_loop`].
    BareLoop(ChildStdin),
}

impl Transport {
    pub(crate) fn to_redis(url: &str, prefix: &str) -> anyhow::Result<Self> {
        let client =
            Client::open(url).with_context(|| format!("{url} is not the URL of a Redis"))?;
        let connection = client.get_connection().with_context(|| {
            format!("no Redis answers at {url}: start one, or name another with --redis")
        })?;
        Ok(Self::Redis {
            connection: Box::new(connection),
            prefix: prefix.to_owned(),
        })
    }
}

impl Publisher {
    /// No stock has a price yet.
    pub(crate) fn new(stocks: Vec<String>, transport: Transport) -> Self {
        Self {
            newest: vec![0; stocks.len()],
            stocks,
            transport,
        }
    }

    pub(crate) fn name(&self, stock: usize) -> &str {
        &self.stocks[stock]
    }

    /// The newest number of each stock.
    pub(crate) fn newest(&self) -> &[u32] {
        &self.newest
    }

    /// Publishes one price of each of these stocks, in this order, in one go. A stock named
    /// several times in a row gets as many prices, which wait for the server together.
    pub(crate) fn publish(
        &mut self,
        stocks: impl IntoIterator<Item = usize>,
    ) -> anyhow::Result<()> {
        let prices: Vec<(usize, Stamp)> = stocks
            .into_iter()
            .map(|stock| {
                let newest = &mut self.newest[stock];
                *newest = *newest % Stamp::LAST + 1;
                (stock, Stamp::now(*newest))
            })
            .collect();
        if prices.is_empty() {
            return Ok(());
        }
        match &mut self.transport {
            Transport::Redis { connection, prefix } => {
                let mut commands = redis::pipe();
                for (stock, stamp) in prices {
                    let channel = format!("{prefix}{}", self.stocks[stock]);
                    let command = commands.cmd("PUBLISH");
                    command.arg(channel).arg(stamp.to_string()).ignore();
                }
                commands.exec(connection).context("cannot publish to Redis")
            }
            Transport::BareLoop(stdin) => {
                let mut lines = String::new();
                for same in prices.chunk_by(|(one, _), (other, _)| one == other) {
                    lines.push_str(&self.stocks[same[0].0]);
                    for (_, stamp) in same {
                        let _ = write!(lines, " {stamp}");
                    }
                    lines.push('\n');
                }
                let written = stdin.write_all(lines.as_bytes());
                written.context("the bare loop takes no prices any more")
            }
        }
    }

    /// How many subscriptions of servers to these stocks Redis has, all together; `None` for the bare
    /// loop, which has no Redis.
    pub(crate) fn listeners(
        &mut self,
        stocks: impl IntoIterator<Item = usize>,
    ) -> anyhow::Result<Option<usize>> {
        let Transport::Redis { connection, prefix } = &mut self.transport else {
            return Ok(None);
        };
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB");
        for stock in stocks {
            command.arg(format!("{prefix}{}", self.stocks[stock]));
        }
        let counts = command.query(connection);
        let counts: Vec<(String, usize)> = counts.context("Redis does not say who listens")?;
        Ok(Some(counts.iter().map(|(_, count)| count).sum()))
    }
}
