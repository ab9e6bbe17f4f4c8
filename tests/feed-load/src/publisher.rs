//! Where prices come from: a Redis or a cluster that servers listen to, or the bare loop's standard input.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ChildStdin;
use std::slice;

use anyhow::{Context, bail};
use redis::{Client, Connection};
use redis_client::{ClusterPublisher, RedisAddress};
use tokio::runtime::{Builder, Runtime};

use crate::redis_server::RedisServer;
use crate::stamp::{self, Stamp};

/// Publishes stamped prices and remembers the newest number of each stock.
pub(crate) struct Publisher {
    stocks: Vec<String>,
    newest: Vec<u32>,
    received: u64,
    transport: Transport,
}

/// How a price reaches the server.
pub(crate) enum Transport {
    /// Published on the channel of the prefix and the stock's name.
    Redis {
        connection: Box<Connection>,
        prefix: String,
    },
    /// Published by SPUBLISH on the master of the stock's slot.
    Cluster {
        /// Runs the publisher, and only while something is published.
        runtime: Runtime,
        publisher: ClusterPublisher,
        /// One to each node, for questions.
        connections: Vec<Connection>,
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

    pub(crate) fn to_cluster(url: &str, nodes: &[RedisServer]) -> anyhow::Result<Self> {
        let address = url.parse().context("our own URL")?;
        let RedisAddress::Cluster(cluster) = address else {
            bail!("{url} is one Redis, not a cluster");
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let connections = nodes.iter().map(RedisServer::connect);
        Ok(Self::Cluster {
            runtime: runtime.context("the publisher cannot run")?,
            publisher: ClusterPublisher::new(cluster),
            connections: connections.collect::<anyhow::Result<_>>()?,
        })
    }
}

impl Publisher {
    /// No stock has a price yet.
    pub(crate) fn new(stocks: Vec<String>, transport: Transport) -> Self {
        Self {
            newest: vec![0; stocks.len()],
            stocks,
            received: 0,
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

    /// How many servers received the prices so far, summed over the prices; 0 for the bare loop.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Publishes one price of each of these stocks, in this order, in one go. A stock named
    /// several times in a row gets as many prices, which wait for the server together.
    pub(crate) fn publish(
        &mut self,
        stocks: impl IntoIterator<Item = usize>,
    ) -> anyhow::Result<()> {
        let now = |stock| (stock, stamp::now_micros());
        self.publish_dated(stocks.into_iter().map(now))
    }

    /// The same, with the microsecond of the machine's monotonic clock that each price is to carry.
    pub(crate) fn publish_dated(
        &mut self,
        prices: impl IntoIterator<Item = (usize, u64)>,
    ) -> anyhow::Result<()> {
        let prices: Vec<(usize, Stamp)> = prices
            .into_iter()
            .map(|(stock, micros)| {
                let newest = &mut self.newest[stock];
                *newest = *newest % Stamp::LAST + 1;
                let number = *newest;
                (stock, Stamp { micros, number })
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
                    command.arg(channel).arg(stamp.to_string());
                }
                let received = commands.query::<Vec<u64>>(connection);
                let received = received.context("cannot publish to Redis")?;
                self.received += received.iter().sum::<u64>();
                Ok(())
            }
            Transport::Cluster {
                runtime, publisher, ..
            } => {
                let prices = prices
                    .iter()
                    .map(|(stock, stamp)| (*stock, stamp.to_string()));
                let prices: Vec<_> = prices.collect();
                let messages = prices
                    .iter()
                    .map(|(stock, price)| (self.stocks[*stock].clone(), price.as_str()));
                let received = runtime.block_on(publisher.publish(messages));
                self.received += received.context("cannot publish to the cluster")?;
                Ok(())
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
        let (command, prefix, connections) = match &mut self.transport {
            Transport::Redis { connection, prefix } => (
                "NUMSUB",
                prefix.as_str(),
                slice::from_mut(&mut **connection),
            ),
            Transport::Cluster { connections, .. } => ("SHARDNUMSUB", "", &mut **connections),
            Transport::BareLoop(_) => return Ok(None),
        };
        let mut question = redis::cmd("PUBSUB");
        question.arg(command);
        for stock in stocks {
            question.arg(format!("{prefix}{}", self.stocks[stock]));
        }
        let mut sum = 0;
        for connection in connections {
            let counts = question.query(connection);
            let counts: Vec<(String, usize)> = counts.context("Redis does not say who listens")?;
            sum += counts.iter().map(|(_, count)| count).sum::<usize>();
        }
        Ok(Some(sum))
    }
}
