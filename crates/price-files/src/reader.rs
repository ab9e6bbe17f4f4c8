//! Prices, line by line.

use hub::{Price, Stock};

use crate::decimal_mark::DecimalMark;
use crate::error::{BadFile, BadLine, quoted};
use crate::evidence::Evidence;
use crate::number::{Number, PlainNumber};
use crate::rows::{Row, RowPrice, Rows};

/// How many prices wait for one that shows the decimal mark; each takes a hundred bytes.
const MAX_HELD: usize = 100_000;

/// A price of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockPrice {
    /// The stock, from the file or from the command line.
    pub stock: Stock,
    /// Its price, in plain decimals.
    pub price: Price,
    /// The file has more decimals of it than a price may have.
    pub is_rounded: bool,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has no price and should have none: it is empty, or it has titles.
    Blank,
    /// It is of a day on which there was no price.
    NoPrice,
    /// Its price was read, and with it those that had waited.
    Read,
    /// Its price, or one before it, has two readings, and waits for a price that shows the decimal mark.
    Held,
}

/// Reads prices from lines as they arrive.
///
/// What has only one reading is read at once. A file that can be read twice should be given to a
/// [`MarkSurvey`](crate::MarkSurvey) before: then no price waits, and a file that has to be refused is
/// refused before any of its prices was read.
#[derive(Debug)]
pub struct PriceReader {
    rows: Rows,
    /// None until the command line, a survey or a price has shown it.
    mark: Option<DecimalMark>,
    evidence: Evidence,
    /// Prices that wait for the mark, in their order.
    held: Vec<TwoReadings>,
}

/// A price with both of its readings; they are the same for one that only waits behind another.
#[derive(Clone, Copy, Debug)]
struct TwoReadings {
    comma: StockPrice,
    point: StockPrice,
}

impl TwoReadings {
    fn with(self, mark: DecimalMark) -> StockPrice {
        match mark {
            DecimalMark::Comma => self.comma,
            DecimalMark::Point => self.point,
        }
    }
}

impl PriceReader {
    /// A reader of a file of which the command line, or a survey, may say the stock and the mark.
    pub fn new(stock: Option<Stock>, mark: Option<DecimalMark>) -> Self {
        Self {
            rows: Rows::new(stock, mark),
            mark,
            evidence: Evidence::default(),
            held: Vec::new(),
        }
    }

    /// Reads a line, and appends its price, after those that had to wait for it.
    ///
    /// # Errors
    /// The line is not a price, and the next one may be; or no line can be published ([`BadLine::File`]).
    pub fn read(&mut self, line: &[u8], prices: &mut Vec<StockPrice>) -> Result<Outcome, BadLine> {
        let row = match self.rows.read(line)? {
            Row::Blank => return Ok(Outcome::Blank),
            Row::NoPrice => return Ok(Outcome::NoPrice),
            Row::Price(row) => row,
        };
        let Some(number) = row.number.clone() else {
            // Not a number in any file's spelling, so it is refused, with the price's own words.
            prices.push(StockPrice {
                stock: row.stock,
                price: row.text.parse()?,
                is_rounded: false,
            });
            return Ok(Outcome::Read);
        };
        if self.mark.is_none() {
            self.evidence.add(&row.text, &number, self.rows.separator());
            self.mark = self
                .evidence
                .proved()
                .or_else(|| self.by_default(&row, &number));
        }
        let Some(mark) = self.mark else {
            return self.hold(row, number, prices);
        };
        self.release(mark, prices);
        prices.push(price(row, number, mark)?);
        Ok(Outcome::Read)
    }

    /// Ends the file: what still waits is read by the file's separator, or refused.
    ///
    /// # Errors
    /// Nothing shows the decimal mark of the prices that wait.
    pub fn finish(&mut self, prices: &mut Vec<StockPrice>) -> Result<(), BadFile> {
        if self.held.is_empty() {
            return Ok(());
        }
        if let Some(mark) = self.evidence.decide()? {
            self.release(mark, prices);
        }
        Ok(())
    }

    fn release(&mut self, mark: DecimalMark, prices: &mut Vec<StockPrice>) {
        prices.extend(self.held.drain(..).map(|held| held.with(mark)));
    }

    /// A decimal point that is taken for one without waiting for proof: in a line without quotes that no
    /// semicolon separates, as programs write them: their prices must not wait.
    fn by_default(&self, row: &RowPrice, number: &Number) -> Option<DecimalMark> {
        let is_usual = matches!(number, Number::Ambiguous { .. }) && row.is_plain_line;
        let decided = self.evidence.decide().ok().flatten();
        decided.filter(|mark| is_usual && *mark == DecimalMark::Point)
    }

    fn hold(
        &mut self,
        row: RowPrice,
        number: Number,
        prices: &mut Vec<StockPrice>,
    ) -> Result<Outcome, BadLine> {
        let readings = TwoReadings {
            comma: price(row.clone(), number.clone(), DecimalMark::Comma)?,
            point: price(row, number, DecimalMark::Point)?,
        };
        if self.held.is_empty() && readings.comma == readings.point {
            prices.push(readings.point);
            return Ok(Outcome::Read);
        }
        self.held.push(readings);
        if self.held.len() < MAX_HELD {
            return Ok(Outcome::Held);
        }
        // So many without proof are the whole file, as far as anyone will wait.
        self.mark = self.evidence.decide()?;
        self.finish(prices)?;
        Ok(Outcome::Read)
    }
}

fn price(row: RowPrice, number: Number, mark: DecimalMark) -> Result<StockPrice, BadLine> {
    let Some(PlainNumber { text, is_rounded }) = number.with(mark) else {
        return Err(BadLine::OtherMark {
            text: quoted(&row.text),
            mark,
        });
    };
    Ok(StockPrice {
        stock: row.stock,
        price: text.parse()?,
        is_rounded,
    })
}

#[cfg(test)]
mod tests;
