//! `stock-feed publish`: prices from a file or another program, published at a pace of one's choice.

mod pace;
mod publishing;
mod source;

use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;

use indicatif::ProgressBar;
use price_files::{BadFile, BadLine, DecimalMark, MarkSurvey, Outcome, PriceReader};
use pubsub_manager::{BrokerAddress, Publisher, Stock};

use crate::cli::Publish;
use publishing::{Publishing, count};
use source::Source;

/// Publishes the file's prices, until `end` is ready.
///
/// # Errors
/// The file cannot be read, or the Redis cannot be reached.
pub async fn run(publish: Publish, end: impl Future<Output = ()>) -> anyhow::Result<ExitCode> {
    let mut out = io::stderr();
    let redis = match publish.redis.address() {
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
    let broker = BrokerAddress::from(redis);
    let publisher = Publisher::new(&broker, &publish.channel_prefix)
        .with_last_price_ttl(publish.last_price_ttl);
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
        let table = Table {
            stock: publish.stock,
            mark: publish.decimal.map(DecimalMark::from),
        };
        let mut work = pin!(publish_all(
            &mut source,
            &mut publishing,
            table,
            publish.strict
        ));
        tokio::select! {
            finished = &mut work => Some(finished?),
            () = end => None,
        }
    };
    publishing.bar.finish_and_clear();
    report(finished, &publishing, source.name())
}

/// Prints how it ended; none was ended by the user.
fn report(
    finished: Option<Finished>,
    publishing: &Publishing,
    file: &str,
) -> anyhow::Result<ExitCode> {
    let mut out = io::stderr();
    match &finished {
        Some(Finished::Invalid) => {
            writeln!(
                out,
                "stock-feed: nothing was published: {}, and --strict was given",
                count(publishing.invalid(), "bad line")
            )?;
            return Ok(ExitCode::from(2));
        }
        Some(Finished::Unreadable(why)) => {
            let published = match publishing.prices() {
                0 => "nothing was published".to_owned(),
                prices => format!("{} had been published before", count(prices, "price")),
            };
            writeln!(out, "stock-feed: {file}: {why}; {published}")?;
            return Ok(ExitCode::from(2));
        }
        Some(Finished::Published) | None => {}
    }
    writeln!(out, "stock-feed: {}", publishing.summary())?;
    if finished.is_some() && publishing.prices() == 0 {
        writeln!(out, "stock-feed: there is no price in {file}")?;
        return Ok(ExitCode::from(2));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the command line says about the file's table.
#[derive(Clone, Copy, Debug, Default)]
struct Table {
    /// The stock of all lines.
    stock: Option<Stock>,
    mark: Option<DecimalMark>,
}

#[derive(Debug, PartialEq, Eq)]
enum Finished {
    Published,
    /// There was an invalid line, and `--strict` allows none.
    Invalid,
    /// No line of the file can be published.
    Unreadable(BadFile),
}

async fn publish_all(
    source: &mut Source,
    publishing: &mut Publishing,
    table: Table,
    strict: bool,
) -> anyhow::Result<Finished> {
    let mark = match survey(source, table, &publishing.bar).await? {
        Ok(mark) => mark,
        Err(why) => return Ok(Finished::Unreadable(why)),
    };
    let mut reader = PriceReader::new(table.stock, mark);
    let mut line = Vec::new();
    let mut waiting = Vec::new();
    let mut is_noted = false;
    while source.read_line(&mut line).await? {
        let read = waiting.len();
        match reader.read(&line, &mut waiting) {
            Ok(Outcome::Blank | Outcome::Read) => {}
            Ok(Outcome::NoPrice) => publishing.count_without_price(),
            // The program that we read may be waiting for this price to appear.
            Ok(Outcome::Held) if source.would_wait() && !is_noted => {
                is_noted = true;
                publishing.note(&held(source));
            }
            Ok(Outcome::Held) => {}
            Err(BadLine::File(why)) => return Ok(Finished::Unreadable(why)),
            Err(bad) => publishing.name_invalid(source.name(), source.line_number(), &bad),
        }
        publishing.count_rounded(&waiting[read..]);
        publishing.bar.set_position(source.bytes_read());
        // What another program writes leaves before we wait for its next line.
        if !strict && (waiting.len() >= publishing.batch() || source.would_wait()) {
            for batch in waiting.chunks(publishing.batch()) {
                publishing.publish(batch).await?;
            }
            waiting.clear();
        }
    }
    let read = waiting.len();
    if let Err(why) = reader.finish(&mut waiting) {
        return Ok(Finished::Unreadable(why));
    }
    publishing.count_rounded(&waiting[read..]);
    if publishing.invalid() > 0 && strict {
        return Ok(Finished::Invalid);
    }
    // With --strict all of it has been read, and nothing has left. From here on the bar counts
    // prices, not bytes.
    if strict {
        publishing.bar.set_length(waiting.len() as u64);
        publishing.bar.set_position(0);
    }
    for batch in waiting.chunks(publishing.batch()) {
        publishing.publish(batch).await?;
        publishing.bar.inc(batch.len() as u64);
    }
    Ok(Finished::Published)
}

/// Reads a file to its end for its decimal mark, before a price of it is published: a file that is refused
/// at its last line would otherwise be published up to there. Another program's output is read only once.
async fn survey(
    source: &Source,
    table: Table,
    bar: &ProgressBar,
) -> anyhow::Result<Result<Option<DecimalMark>, BadFile>> {
    if table.mark.is_some() {
        return Ok(Ok(table.mark));
    }
    let Some(mut source) = source.again().await? else {
        return Ok(Ok(None));
    };
    let mut survey = MarkSurvey::new(table.stock);
    let mut line = Vec::new();
    bar.set_message("looking for the decimal mark");
    while source.read_line(&mut line).await? {
        if let Err(why) = survey.read(&line) {
            return Ok(Err(why));
        }
        bar.set_position(source.bytes_read());
    }
    bar.set_message("");
    bar.set_position(0);
    Ok(survey.finish())
}

fn held(source: &Source) -> String {
    format!(
        "stock-feed: {}, line {}: this price waits for another one that shows whether its mark is a \
         decimal comma or a decimal point; --decimal says it, too",
        source.name(),
        source.line_number()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pubsub_manager::InProcess;
    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::time::{Instant, timeout};

    use super::pace::MAX_CATCH_UP;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn with_strict_the_bar_fills_while_lines_are_checked_and_again_while_prices_leave() {
        let (mut from, to) = duplex(1024);
        let mut source = Source::of_a_test(to, 14);
        let mut publishing = publishing(&source, 1.0);
        let bar = publishing.bar.clone();
        let mut work = pin!(publish_all(&mut source, &mut publishing, POINTS, true));
        let mut a_moment = async || {
            assert!(timeout(MAX_CATCH_UP, &mut work).await.is_err(), "not yet");
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
    async fn a_long_check_is_not_followed_by_a_burst() {
        let text = b"APPL,1\n".repeat(11);
        let size = text.len() as u64;
        let mut source = Source::of_a_test(io::Cursor::new(text), size);
        let mut publishing = publishing(&source, 10.0);
        tokio::time::advance(Duration::from_secs(60)).await;
        let started = Instant::now();
        publish_all(&mut source, &mut publishing, POINTS, true)
            .await
            .unwrap();
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(1), "{took:?}");
    }

    /// A table whose decimal mark is known, so that its source is read once.
    const POINTS: Table = Table {
        stock: None,
        mark: Some(DecimalMark::Point),
    };

    /// Publishing to a broker without subscribers.
    fn publishing(source: &Source, rate: f64) -> Publishing {
        let broker = BrokerAddress::InProcess(InProcess::default());
        Publishing::new(Publisher::new(&broker, ""), rate, source.bar())
    }
}
