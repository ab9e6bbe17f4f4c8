//! Where prices come from: a Redis that servers listen to, or the bare loop's standard input.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ChildStdin;

use anyhow::Context;

use crate::stamp::Stamp;

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Redis { .. } => "Redis",
            Self::BareLoop(_) => "BareLoop",
        })
    }
}

/// Publishes stamped prices and remembers the newest number of each stock.
#[derive(Debug)]
pub struct Market {
    stocks: Vec<String>,
    newest: Vec<u32>,
    road: Road,
}

/// How a price reaches the server.
pub enum Road {
    /// Published on the channel of the stock's name.
    Redis {
        /// The connection.
        connection: Box<redis::Connection>,
        /// What stands before the stock in the channel's name.
        prefix: String,
    },
    /// Written as a line, see [`crate::bare_loop`].
    BareLoop(ChildStdin),
}

impl Road {
    /// Connects to a Redis.
    ///
    /// # Errors
    /// When this is not the URL of a Redis, or nobody answers there.
    pub fn to_redis(url: &str, prefix: &str) -> anyhow::Result<Self> {
        let client =
            redis::Client::open(url).with_context(|| format!("{url} is not the URL of a Redis"))?;
        let connection = client.get_connection().with_context(|| {
            format!("no Redis answers at {url}: start one, or name another with --redis")
        })?;
        Ok(Self::Redis {
            connection: Box::new(connection),
            prefix: prefix.to_owned(),
        })
    }
}

impl Market {
    /// A market of these stocks, none of which has a price yet.
    pub fn new(stocks: Vec<String>, road: Road) -> Self {
        Self {
            newest: vec![0; stocks.len()],
            stocks,
            road,
        }
    }

    /// The name of a stock.
    pub fn name(&self, stock: usize) -> &str {
        &self.stocks[stock]
    }

    /// The newest number of each stock.
    pub fn newest(&self) -> &[u32] {
        &self.newest
    }

    /// Publishes one price of each of these stocks, in this order, in one go. A stock named
    /// several times in a row gets as many prices, which wait for the server together.
    ///
    /// # Errors
    /// When the road is closed.
    pub fn publish(&mut self, stocks: impl IntoIterator<Item = usize>) -> anyhow::Result<()> {
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
        match &mut self.road {
            Road::Redis { connection, prefix } => {
                let mut commands = redis::pipe();
                for (stock, stamp) in prices {
                    let channel = format!("{prefix}{}", self.stocks[stock]);
                    commands
                        .cmd("PUBLISH")
                        .arg(channel)
                        .arg(stamp.to_string())
                        .ignore();
                }
                commands.exec(connection).context("cannot publish to Redis")
            }
            Road::BareLoop(stdin) => {
                let (mut lines, mut before) = (String::new(), None);
                for (stock, stamp) in prices {
                    if before != Some(stock) {
                        let end = if before.is_some() { "\n" } else { "" };
                        let _ = write!(lines, "{end}{}", self.stocks[stock]);
                        before = Some(stock);
                    }
                    let _ = write!(lines, " {stamp}");
                }
                lines.push('\n');
                stdin
                    .write_all(lines.as_bytes())
                    .context("the bare loop takes no prices any more")
            }
        }
    }

    /// How many subscriptions of servers to these stocks Redis has, all together; `None` if the
    /// road leads past it.
    ///
    /// # Errors
    /// When Redis doesn't answer.
    pub fn listeners(
        &mut self,
        stocks: impl IntoIterator<Item = usize>,
    ) -> anyhow::Result<Option<usize>> {
        let Road::Redis { connection, prefix } = &mut self.road else {
            return Ok(None);
        };
        let mut ask = redis::cmd("PUBSUB");
        ask.arg("NUMSUB");
        for stock in stocks {
            ask.arg(format!("{prefix}{}", self.stocks[stock]));
        }
        let counts: Vec<(String, usize)> = ask
            .query(connection)
            .context("Redis does not say who listens")?;
        Ok(Some(counts.iter().map(|(_, count)| count).sum()))
    }
}
