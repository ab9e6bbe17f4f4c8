//! Publish, wait until every user has it, publish again.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use crate::meter::Meter;
use crate::progress;
use crate::protocol::WorkerCommand;
use crate::publisher::Publisher;
use crate::worker_pool::WorkerPool;

/// A server with its users and its prices.
pub(crate) struct Subject<'a> {
    pub(crate) pool: &'a mut WorkerPool,
    pub(crate) publisher: &'a mut Publisher,
    pub(crate) meter: Meter,
}

/// What some rounds came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rounds {
    deliveries: u64,
    /// CPU time of the server.
    cpu: Duration,
    wall: Duration,
}

impl AddAssign for Rounds {
    fn add_assign(&mut self, more: Self) {
        self.deliveries += more.deliveries;
        self.cpu += more.cpu;
        self.wall += more.wall;
    }
}

impl Rounds {
    /// CPU seconds of the server per million deliveries.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        per_million(self.cpu, self.deliveries)
    }

    pub(crate) fn deliveries_a_second(&self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64()
    }
}

/// Seconds of CPU per million deliveries.
pub(crate) fn per_million(cpu: Duration, deliveries: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / deliveries.max(1) as f64
}

impl Subject<'_> {
    /// Publishes these stocks and waits until all their users, `expected` together for all of
    /// the prices, have them; and that `count` times, after one round that does not count.
    pub(crate) fn run(
        &mut self,
        what: &str,
        count: usize,
        stocks: &[usize],
        expected: u64,
    ) -> anyhow::Result<Rounds> {
        let bar = progress::bar(what, count as u64);
        self.round(what, stocks, expected)?;
        let (before, cpu) = (self.pool.counts(), self.meter.cpu()?);
        let mut wall = Duration::ZERO;
        for _ in 0..count {
            wall += self.round(what, stocks, expected)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Rounds {
            deliveries: (self.pool.counts() - before).deliveries,
            cpu: self.meter.cpu()? - cpu,
            wall,
        })
    }

    fn round(&mut self, what: &str, stocks: &[usize], expected: u64) -> anyhow::Result<Duration> {
        let goal = self.pool.counts().accounted() + expected;
        self.publisher.publish(stocks.iter().copied())?;
        self.pool.wait(what, |counts| counts.accounted() >= goal)
    }
}

/// Waits until so many servers listen to each stock of the publisher, and starts to count every price.
pub(crate) fn open(
    pool: &mut WorkerPool,
    publisher: &mut Publisher,
    servers: usize,
) -> anyhow::Result<()> {
    let spinner = progress::spinner("the servers subscribe at Redis");
    for stock in 0..publisher.newest().len() {
        wait_for_listeners(pool, publisher, stock, servers)?;
    }
    spinner.finish_and_clear();
    start_from_zero(pool)
}

/// Lets the workers count every price that is published from here on.
///
/// Workers handle commands in the order in which they come, so once they answer the second one, the
/// first is done. Without that wait a price could overtake the command: it was delivered, and then
/// counting began before it, and it counted as lost.
pub(crate) fn start_from_zero(pool: &mut WorkerPool) -> anyhow::Result<()> {
    pool.command(&WorkerCommand::StartFromZero)?;
    pool.placement(0)?;
    Ok(())
}

/// Waits until so many servers listen to this stock, fifteen seconds at most.
pub(crate) fn wait_for_listeners(
    pool: &mut WorkerPool,
    publisher: &mut Publisher,
    stock: usize,
    servers: usize,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(15);
    while let Some(count) = publisher.listeners([stock])?
        && count < servers
    {
        anyhow::ensure!(
            Instant::now() < deadline,
            "servers that listen to {} on this Redis: {count} of {servers}. Is it theirs?",
            publisher.name(stock)
        );
        pool.pass(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Waits until no server has subscribed or unsubscribed for a second: what users got the answer
/// `subscribed` for is then so in Redis as well.
pub(crate) fn wait_until_calm(
    pool: &mut WorkerPool,
    publisher: &mut Publisher,
) -> anyhow::Result<()> {
    let spinner = progress::spinner("the servers come to rest at Redis");
    let (mut before, mut since) = (None, Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        let now = publisher.listeners(0..publisher.newest().len())?;
        if now != before {
            (before, since) = (now, Instant::now());
        }
        pool.pass(Duration::from_millis(100))?;
    }
    spinner.finish_and_clear();
    Ok(())
}
