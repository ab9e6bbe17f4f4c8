//! `stock-feed publish`: real price histories, published again at a pace of one's choice.

mod columns;
mod decimal;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use pubsub_manager::{BadPrice, BadStock, BrokerAddress, BrokerError, Price, Publisher, Stock};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::time::{Instant, sleep, sleep_until};

use crate::cli::Publish;
use columns::{Columns, First, Splitter};
use decimal::{Plain, plain};

pub use columns::BadFile;

/// The most prices that leave together.
const TOGETHER: usize = 512;

/// How much is read at once, in bytes: several times what leaves together, so that few batches end
/// early because a read did.
const READ: usize = 64 * 1024;

/// The longest line that is read, in bytes. No price needs a tenth of it; a file without line ends
/// would be read into memory as a whole.
const LONGEST: usize = 1024;

/// How much of a bad line is quoted, in characters.
const QUOTED: usize = 60;

/// How far behind its pace it may fall and still catch up, which evens out what timers and Redis
/// take. What is older than that is no debt: nobody had anything to say then.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Bad lines that are named one by one; what comes after these is counted.
const NAMED: u64 = 20;

/// Why a line is not a price.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Too many columns, or too few.
    #[error("{0:?} is neither STOCK,PRICE nor what the lines above it are")]
    Columns(String),
    /// A date stands where a stock belongs.
    #[error("{0:?} is a date, and stands in the column of stocks")]
    Date(String),
    /// The stock is not a stock's name.
    #[error(transparent)]
    Stock(#[from] BadStock),
    /// The price is not a decimal number.
    #[error(transparent)]
    Price(#[from] BadPrice),
    /// It does not end for so long that it cannot be a price.
    #[error("{0:?}... is longer than {LONGEST} bytes, write one price on each line")]
    TooLong(String),
    /// No line of this file can be published.
    #[error(transparent)]
    File(#[from] BadFile),
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quote {
    stock: Stock,
    price: Price,
    /// It had more decimals than a price may have.
    is_rounded: bool,
}

/// Reads lines, once it is known which column is which.
struct Lines {
    /// The stock of all lines, if the command line names one.
    stock: Option<Stock>,
    columns: Option<(Splitter, Columns)>,
}

impl Lines {
    fn new(stock: Option<Stock>) -> Self {
        Self {
            stock,
            columns: None,
        }
    }

    /// Reads one line. An empty one says nothing, nor does a line of titles.
    fn read(&mut self, line: &[u8]) -> Result<Option<Quote>, BadLine> {
        if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
            return Err(BadFile::Utf16.into());
        }
        let too_long = line.len() > LONGEST;
        let line = String::from_utf8_lossy(line);
        let line = line.trim().trim_start_matches('\u{feff}');
        let quoted = || line.chars().take(QUOTED).collect::<String>();
        if too_long {
            return Err(BadLine::TooLong(quoted()));
        }
        if line.is_empty() {
            return Ok(None);
        }
        let (fields, columns) = match &mut self.columns {
            Some((splitter, columns)) => (splitter.split(line), *columns),
            None => {
                let mut splitter = Splitter::by_the_looks_of(line);
                let fields = splitter.split(line);
                let first = columns::first(&quoted(), &fields, self.stock.is_some())?;
                let (First::Header(columns) | First::Line(columns)) = first else {
                    return Err(BadLine::Columns(quoted()));
                };
                self.columns = Some((splitter, columns));
                if matches!(first, First::Header(_)) {
                    return Ok(None);
                }
                (fields, columns)
            }
        };
        if fields.len() != columns.count {
            return Err(BadLine::Columns(quoted()));
        }
        let stock = match (columns.stock, self.stock) {
            (Some(column), _) => columns::stock(&fields[column])?,
            (None, Some(stock)) => stock,
            (None, None) => return Err(BadFile::NoStock.into()),
        };
        let price = &fields[columns.price];
        // What is no number at all is refused with the price's own words.
        let plain = plain(price).unwrap_or_else(|| Plain {
            text: price.clone(),
            is_rounded: false,
        });
        Ok(Some(Quote {
            stock,
            price: plain.text.parse()?,
            is_rounded: plain.is_rounded,
        }))
    }
}

/// Publishes the file's prices.
///
/// # Errors
/// The file cannot be read, or the Redis cannot be reached.
pub async fn run(publish: Publish, end: impl Future<Output = ()>) -> anyhow::Result<ExitCode> {
    let mut out = io::stderr();
    let redis = match publish.redis.url() {
        Ok(Some(redis)) => redis,
        none => {
            let why = none.err().map_or_else(
                || "none is named; write for instance --redis redis://127.0.0.1:6379".to_owned(),
                |error| error.to_string(),
            );
            writeln!(out, "stock-feed: prices are published to a Redis: {why}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let broker = BrokerAddress::Redis(redis);
    let publisher = Publisher::new(&broker, &publish.channel_prefix);
    let mut source = match Source::open(&publish.file).await {
        Ok(source) => source,
        Err(error) => {
            writeln!(
                out,
                "stock-feed: cannot read {}: {error}",
                publish.file.display()
            )?;
            return Ok(ExitCode::from(2));
        }
    };
    let mut publishing = Publishing::new(publisher, publish.rate, source.bar());
    let finished = {
        let lines = Lines::new(publish.stock);
        let mut work = pin!(publish_all(
            &mut source,
            &mut publishing,
            lines,
            publish.strict
        ));
        tokio::select! {
            finished = &mut work => Some(finished?),
            () = end => None,
        }
    };
    publishing.bar.finish_and_clear();
    if finished == Some(Finished::Bad) {
        writeln!(
            out,
            "stock-feed: nothing was published: {}, and --strict was given",
            count(publishing.bad, "bad line")
        )?;
        return Ok(ExitCode::from(2));
    }
    if let Some(Finished::Unreadable(why)) = finished {
        let name = &source.name;
        writeln!(out, "stock-feed: {name}: {why}; nothing was published")?;
        return Ok(ExitCode::from(2));
    }
    writeln!(out, "stock-feed: {}", publishing.summary())?;
    if finished.is_some() && publishing.prices == 0 {
        writeln!(out, "stock-feed: there is no price in {}", source.name)?;
        return Ok(ExitCode::from(2));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, PartialEq, Eq)]
enum Finished {
    Published,
    /// There was a bad line, and one is too many.
    Bad,
    /// It could not be read which column is which.
    Unreadable(BadFile),
}

async fn publish_all(
    source: &mut Source,
    publishing: &mut Publishing,
    mut lines: Lines,
    strict: bool,
) -> anyhow::Result<Finished> {
    let mut waiting = Vec::new();
    while source.read_line().await? {
        match lines.read(&source.line) {
            Ok(Some(quote)) => {
                publishing.rounded += u64::from(quote.is_rounded);
                waiting.push((quote.stock, quote.price));
            }
            Ok(None) => {}
            Err(BadLine::File(why)) => return Ok(Finished::Unreadable(why)),
            Err(bad) => publishing.name(&source.name, source.number, &bad),
        }
        publishing.bar.set_position(source.read);
        // What is read from another program leaves before anyone waits for it to say more.
        if !strict && (waiting.len() >= publishing.together() || source.would_wait()) {
            publishing.publish(&waiting).await?;
            waiting.clear();
        }
    }
    if publishing.bad > 0 && strict {
        return Ok(Finished::Bad);
    }
    // With --strict all of it has been read, and nothing has left. From here on the bar counts
    // prices, not bytes.
    if strict {
        publishing.bar.set_length(waiting.len() as u64);
        publishing.bar.set_position(0);
    }
    for prices in waiting.chunks(publishing.together()) {
        publishing.publish(prices).await?;
        publishing.bar.inc(prices.len() as u64);
    }
    Ok(Finished::Published)
}

/// Where lines come from.
struct Source {
    reader: BufReader<Box<dyn AsyncRead + Unpin>>,
    name: String,
    size: Option<u64>,
    number: u64,
    read: u64,
    line: Vec<u8>,
}

impl Source {
    async fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            let input = tokio::io::stdin();
            return Ok(Self::new(input, "standard input".to_owned(), None));
        }
        let file = File::open(path).await?;
        let about = file.metadata().await?;
        if about.is_dir() {
            // It opens, and only a read says so.
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self::new(
            file,
            path.display().to_string(),
            Some(about.len()),
        ))
    }

    fn new(from: impl AsyncRead + Unpin + 'static, name: String, size: Option<u64>) -> Self {
        Self {
            reader: BufReader::with_capacity(READ, Box::new(from)),
            name,
            size,
            number: 0,
            read: 0,
            line: Vec::new(),
        }
    }

    /// Whether the next line is still to come: it has not been read, or not to its end.
    fn would_wait(&self) -> bool {
        !self.reader.buffer().contains(&b'\n')
    }

    fn bar(&self) -> ProgressBar {
        let (bar, style) = match self.size {
            Some(size) => (ProgressBar::new(size), "{bar:32} {percent:>3}%  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.with_style(ProgressStyle::with_template(style).expect("the templates above are sound"))
    }

    /// Reads the next line, if there is one. One byte more than a line may have is kept of it,
    /// which shows that it is too long.
    async fn read_line(&mut self) -> anyhow::Result<bool> {
        self.line.clear();
        let before = self.read;
        loop {
            let bytes = self.reader.fill_buf().await;
            let bytes = bytes.with_context(|| format!("cannot read {}", self.name))?;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            let room = (LONGEST + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&bytes[..taken.min(room)]);
            self.reader.consume(taken);
            self.read += taken as u64;
            if end.is_some() || taken == 0 {
                break;
            }
        }
        self.number += 1;
        Ok(self.read > before)
    }
}

/// When the next prices may leave.
struct Pace {
    /// Prices a second; 0 is as fast as Redis takes them.
    rate: f64,
    due: Option<Instant>,
}

impl Pace {
    /// Waits until it is time for so many prices.
    async fn wait(&mut self, prices: usize) {
        if self.rate == 0.0 {
            return;
        }
        let now = Instant::now();
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let due = self.due.map_or(now, |due| due.max(earliest));
        sleep_until(due).await;
        // The command line lets no rate through that is so slow that this would overflow.
        self.due = Some(due + Duration::from_secs_f64(prices as f64 / self.rate));
    }
}

/// The pauses before a batch is sent again, some half a minute together: a Redis that is restarted, or is
/// paused for a moment, is back by then.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(20);

/// What has been published, and at what pace.
struct Publishing {
    publisher: Publisher,
    pace: Pace,
    bar: ProgressBar,
    started: Instant,
    prices: u64,
    heard: u64,
    /// Whether Redis has answered once: only then is a connection something that can be lost.
    is_answered: bool,
    /// Prices that were sent again, because it is not known whether they had been published.
    again: u64,
    bad: u64,
    rounded: u64,
    stocks: HashSet<Stock>,
}

impl Publishing {
    fn new(publisher: Publisher, rate: f64, bar: ProgressBar) -> Self {
        let started = Instant::now();
        Self {
            publisher,
            pace: Pace { rate, due: None },
            bar,
            started,
            prices: 0,
            heard: 0,
            is_answered: false,
            again: 0,
            bad: 0,
            rounded: 0,
            stocks: HashSet::new(),
        }
    }

    /// As many prices leave together as belong to a hundredth of a second.
    fn together(&self) -> usize {
        if self.pace.rate == 0.0 {
            TOGETHER
        } else {
            ((self.pace.rate / 100.0) as usize).clamp(1, TOGETHER)
        }
    }

    fn name(&mut self, file: &str, line: u64, bad: &BadLine) {
        self.bad += 1;
        let text = match self.bad {
            ..=NAMED => format!("stock-feed: {file}, line {line}: {bad}"),
            bad if bad == NAMED + 1 => "stock-feed: more bad lines follow, and are counted".into(),
            _ => return,
        };
        self.say(text);
    }

    async fn publish(&mut self, prices: &[(Stock, Price)]) -> anyhow::Result<()> {
        if prices.is_empty() {
            return Ok(());
        }
        self.pace.wait(prices.len()).await;
        // Counted as they leave: at Ctrl-C, what is under way has been heard by somebody already.
        let before = self.prices;
        self.prices += prices.len() as u64;
        self.stocks.extend(prices.iter().map(|(stock, _)| stock));
        let heard = self.publish_or_again(prices).await;
        self.heard += heard.with_context(|| format!("stopped after {}", count(before, "price")))?;
        self.bar.set_message(count(self.prices, "price"));
        Ok(())
    }

    /// Sends a batch until Redis answers. Redis closes a connection that was idle (its `timeout`), is
    /// restarted, or does not answer for a while: what was sent is then published or not. At most once is
    /// what a relay promises; from a file a price may better come twice than not at all.
    async fn publish_or_again(&mut self, prices: &[(Stock, Price)]) -> Result<u64, BrokerError> {
        let mut pauses = PAUSES.build();
        let mut is_first = true;
        loop {
            let published = self.publisher.publish(prices).await;
            let error = match published {
                Ok(heard) => {
                    self.is_answered = true;
                    return Ok(heard);
                }
                Err(lost @ BrokerError::Lost(_)) if self.is_answered => lost,
                Err(error) => return Err(error),
            };
            if std::mem::take(&mut is_first) {
                self.again += prices.len() as u64;
                self.say(format!("stock-feed: sending again: {error}"));
            }
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// Prints a line beside the bar.
    fn say(&self, text: String) {
        if self.bar.is_hidden() {
            let _ = writeln!(io::stderr(), "{text}");
        } else {
            self.bar.println(text);
        }
    }

    fn summary(&self) -> String {
        let Self {
            prices,
            heard,
            bad,
            again,
            rounded,
            stocks,
            started,
            ..
        } = self;
        let took = started.elapsed().as_secs_f64();
        let skipped = match bad {
            0 => String::new(),
            bad => format!("; {} skipped", count(*bad, "bad line")),
        };
        let again = match again {
            0 => String::new(),
            again => format!("; {} may have come twice", count(*again, "price")),
        };
        let rounded = match rounded {
            0 => String::new(),
            rounded => format!("; {} rounded to 15 decimals", count(*rounded, "price")),
        };
        format!(
            "published {} of {} in {took:.1} s; servers heard them {}{again}{rounded}{skipped}",
            count(*prices, "price"),
            count(stocks.len() as u64, "stock"),
            count(*heard, "time"),
        )
    }
}

fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", HumanCount(n))
}

#[cfg(test)]
mod tests {
    use pubsub_manager::InProcess;
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    fn parsed(line: &str) -> Option<(String, String)> {
        let quote = Lines::new(None).read(line.as_bytes()).unwrap()?;
        Some((quote.stock.to_string(), quote.price.to_string()))
    }

    #[test]
    fn a_date_in_the_column_of_stocks_is_refused_as_a_date() {
        let mut lines = Lines::new(None);
        assert_eq!(lines.read(b"stock,price"), Ok(None));
        let refused = lines.read(b"2018-06-01,65.81").unwrap_err();
        assert_eq!(
            refused.to_string(),
            r#""2018-06-01" is a date, and stands in the column of stocks"#
        );
    }

    #[test]
    fn a_line_is_a_stock_and_a_price_with_or_without_a_date() {
        let appl = Some(("APPL".to_owned(), "100.01".to_owned()));
        assert_eq!(parsed("APPL,100.01\n"), appl);
        assert_eq!(parsed("2026-11-24,APPL,100.01\r\n"), appl);
        assert_eq!(
            parsed("APPL\t1.0001e2\n"),
            Some(("APPL".to_owned(), "100.01".to_owned()))
        );
        assert_eq!(parsed("\"Jan 1, 2000\",\"APPL\",100.01"), appl);
        assert_eq!(parsed("\n"), None);
        assert_eq!(parsed("\u{feff}date,symbol,price\n"), None);
    }

    #[test]
    fn a_bad_line_says_what_is_wrong_with_it() {
        let bad = |line: &[u8]| Lines::new(None).read(line).unwrap_err();
        assert!(matches!(bad(b"APPL\n"), BadLine::Columns(_)));
        assert!(matches!(
            bad(b"a,b,c,4\n"),
            BadLine::File(BadFile::NoHeader(_))
        ));
        assert!(matches!(bad(b"appl,1\n"), BadLine::Stock(_)));
        assert!(matches!(
            bad(b"\xff\xfeA\0P\0"),
            BadLine::File(BadFile::Utf16)
        ));
        let mut lines = Lines::new(None);
        lines.read(b"APPL,1\n").unwrap();
        for line in [&b"APPL,1x3\n"[..], b"APPL,\xff\n", b"APPL,1e30\n"] {
            assert!(matches!(lines.read(line), Err(BadLine::Price(_))));
        }
        assert!(matches!(
            lines.read(b"2018-06-01,1\n"),
            Err(BadLine::Date(_))
        ));
        assert!(matches!(
            lines.read(b"APPL,1,2\n"),
            Err(BadLine::Columns(_))
        ));
    }

    #[tokio::test]
    async fn of_a_line_without_an_end_no_more_is_kept_than_shows_that_it_is_too_long() {
        let mut text = vec![b'x'; 1_000_000];
        text.extend_from_slice(b"\nAPPL,1\n");
        let mut source = source(text);
        assert!(source.read_line().await.unwrap());
        assert!(source.line.capacity() < 8 * LONGEST);
        let bad = Lines::new(None).read(&source.line).unwrap_err();
        assert!(matches!(bad, BadLine::TooLong(_)), "{bad}");
        assert!(bad.to_string().len() < 150, "{bad}");
        assert!(source.read_line().await.unwrap());
        assert_eq!((&*source.line, source.number), (&b"APPL,1\n"[..], 2));
        assert!(!source.read_line().await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn with_strict_the_bar_fills_while_lines_are_checked_and_again_while_prices_leave() {
        let (mut from, to) = duplex(1024);
        let mut source = Source::new(to, "a test".to_owned(), Some(14));
        let mut publishing = publishing(&source, 1.0);
        let bar = publishing.bar.clone();
        let mut work = pin!(publish_all(
            &mut source,
            &mut publishing,
            Lines::new(None),
            true
        ));
        let mut a_moment = async || {
            assert!(timeout(CATCH_UP, &mut work).await.is_err(), "not yet");
            (bar.position(), bar.length())
        };
        from.write_all(b"APPL,1\n").await.unwrap();
        assert_eq!(a_moment().await, (7, Some(14)), "half of the bytes");
        from.write_all(b"APPL,2\n").await.unwrap();
        drop(from);
        assert_eq!(a_moment().await, (1, Some(2)), "half of the prices");
        work.await.unwrap();
        assert_eq!((bar.position(), bar.length()), (2, Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_minute_is_no_debt_that_a_burst_pays_back() {
        let mut pace = Pace {
            rate: 10.0,
            due: None,
        };
        pace.wait(1).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        for _ in 0..=10 {
            pace.wait(1).await;
        }
        assert!(
            began.elapsed() >= Duration::from_secs(1) - CATCH_UP,
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_now_and_then_does_not_slow_the_pace() {
        let mut pace = Pace {
            rate: 100.0,
            due: None,
        };
        let began = Instant::now();
        for n in 0..=100 {
            pace.wait(1).await;
            let takes = if n % 10 == 0 { 35 } else { 1 };
            tokio::time::advance(Duration::from_millis(takes)).await;
        }
        let took = began.elapsed().as_millis();
        assert!((1_000..1_040).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_check_is_not_followed_by_a_burst() {
        let mut source = source(b"APPL,1\n".repeat(11));
        let mut publishing = publishing(&source, 10.0);
        tokio::time::advance(Duration::from_secs(60)).await;
        let began = Instant::now();
        publish_all(&mut source, &mut publishing, Lines::new(None), true)
            .await
            .unwrap();
        assert!(
            began.elapsed() >= Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(0, "price"), "0 prices");
        assert_eq!(count(1, "price"), "1 price");
        assert_eq!(count(1_000, "price"), "1,000 prices");
    }

    fn source(text: Vec<u8>) -> Source {
        let size = text.len() as u64;
        Source::new(io::Cursor::new(text), "a test".to_owned(), Some(size))
    }

    /// Publishing to a broker without subscribers.
    fn publishing(source: &Source, rate: f64) -> Publishing {
        let broker = BrokerAddress::InProcess(InProcess::default());
        Publishing::new(Publisher::new(&broker, ""), rate, source.bar())
    }
}
