//! Publish, wait until every user has it, publish again.

use std::time::{Duration, Instant};

use crate::crew::Crew;
use crate::market::Market;
use crate::meter::Meter;
use crate::orders::Order;
use crate::progress;

/// A server with its users and its prices.
#[derive(Debug)]
pub struct Track<'a> {
    /// The users.
    pub crew: &'a mut Crew,
    /// The prices.
    pub market: &'a mut Market,
    /// The server's cost.
    pub meter: Meter,
}

/// What some laps came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Laps {
    /// Prices that arrived.
    pub deliveries: u64,
    /// CPU time of the server.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
}

impl std::ops::AddAssign for Laps {
    fn add_assign(&mut self, more: Self) {
        self.deliveries += more.deliveries;
        self.cpu += more.cpu;
        self.wall += more.wall;
    }
}

impl Laps {
    /// CPU seconds of the server per million deliveries.
    pub fn cpu_per_million(&self) -> f64 {
        per_million(self.cpu, self.deliveries)
    }

    /// Deliveries a second on the wall.
    pub fn pace(&self) -> f64 {
        self.deliveries as f64 / self.wall.as_secs_f64()
    }
}

/// Seconds of CPU per million deliveries.
pub fn per_million(cpu: Duration, deliveries: u64) -> f64 {
    cpu.as_secs_f64() * 1e6 / deliveries.max(1) as f64
}

impl Track<'_> {
    /// Publishes these stocks and waits until all their users, `expected` together for all of
    /// the prices, have them; and that `count` times, after one lap that does not count.
    ///
    /// # Errors
    /// When prices don't arrive, or Ctrl-C asks to end.
    pub fn run(
        &mut self,
        what: &str,
        count: usize,
        stocks: &[usize],
        expected: u64,
    ) -> anyhow::Result<Laps> {
        let bar = progress::bar(what, count as u64);
        self.lap(what, stocks, expected)?;
        let (before, cpu) = (self.crew.counts(), self.meter.cpu()?);
        let mut wall = Duration::ZERO;
        for _ in 0..count {
            wall += self.lap(what, stocks, expected)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Laps {
            deliveries: (self.crew.counts() - before).deliveries,
            cpu: self.meter.cpu()? - cpu,
            wall,
        })
    }

    fn lap(&mut self, what: &str, stocks: &[usize], expected: u64) -> anyhow::Result<Duration> {
        let goal = self.crew.counts().accounted() + expected;
        self.market.publish(stocks.iter().copied())?;
        self.crew.wait(what, |counts| counts.accounted() >= goal)
    }
}

/// Opens the way: waits until so many servers listen to each stock of the market, and starts to
/// count every price.
///
/// # Errors
/// When they don't listen within fifteen seconds, or Ctrl-C asks to end.
pub fn open(crew: &mut Crew, market: &mut Market, listeners: usize) -> anyhow::Result<()> {
    let spinner = progress::spinner("the servers subscribe at Redis");
    for stock in 0..market.newest().len() {
        listened(crew, market, stock, listeners)?;
    }
    spinner.finish_and_clear();
    crew.order(&Order::StartFromZero)?;
    // Crowds answer in the order in which they are asked, so from here on that is done. A price that
    // overtook the order was delivered, and then counting began before it: it counted as lost.
    crew.census(0)?;
    Ok(())
}

/// Waits until so many servers listen to this stock.
///
/// # Errors
/// When they don't within fifteen seconds, or Ctrl-C asks to end.
pub fn listened(
    crew: &mut Crew,
    market: &mut Market,
    stock: usize,
    listeners: usize,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(15);
    while let Some(count) = market.listeners([stock])?
        && count < listeners
    {
        anyhow::ensure!(
            Instant::now() < deadline,
            "servers that listen to {} on this Redis: {count} of {listeners}. Is it theirs?",
            market.name(stock)
        );
        crew.pass(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Waits until no server has subscribed or unsubscribed for a second: what users were told is
/// `subscribed` is then so in Redis as well.
///
/// # Errors
/// When Redis doesn't answer, or Ctrl-C asks to end.
pub fn calm(crew: &mut Crew, market: &mut Market) -> anyhow::Result<()> {
    let spinner = progress::spinner("the servers come to rest at Redis");
    let (mut before, mut since) = (None, Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        let now = market.listeners(0..market.newest().len())?;
        if now != before {
            (before, since) = (now, Instant::now());
        }
        crew.pass(Duration::from_millis(100))?;
    }
    spinner.finish_and_clear();
    Ok(())
}
