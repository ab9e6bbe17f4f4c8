//! Prices, line by line.

use hub::{Price, Stock};

use crate::decimal_mark::{DecimalMark, Evidence};
use crate::error::{BadFile, BadLine, quoted};
use crate::number::{Number, PlainNumber};
use crate::rows::{Row, RowPrice, Rows};

/// How many prices wait for one that shows the decimal mark; each takes a hundred bytes.
const MAX_HELD: usize = 100_000;

/// A price of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockPrice {
    /// The stock.
    pub stock: Stock,
    /// Its price.
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
    /// semicolon separates, as programs write them. Their prices have to leave at once.
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
mod tests {
    use super::*;
    use crate::rows::MarkSurvey;

    /// What is read of a pipe's lines, and when the mark is known.
    fn piped(lines: &[&str]) -> Result<Vec<String>, BadLine> {
        let mut reader = PriceReader::new(Some(aapl()), None);
        let mut prices = Vec::new();
        for line in lines {
            reader.read(line.as_bytes(), &mut prices)?;
        }
        reader.finish(&mut prices)?;
        Ok(texts(&prices))
    }

    fn texts(prices: &[StockPrice]) -> Vec<String> {
        prices.iter().map(|read| read.price.to_string()).collect()
    }

    fn aapl() -> Stock {
        "AAPL".parse().unwrap()
    }

    #[test]
    fn a_comma_before_three_digits_is_a_decimal_comma_where_semicolons_or_tabs_separate() {
        assert_eq!(
            piped(&["Date;Price", "2024-01-02;87,369", "2024-01-03;18,175"]).unwrap(),
            ["87.369", "18.175"]
        );
        assert_eq!(
            piped(&["Date\tPrice", "2024-01-02\t87,369"]).unwrap(),
            ["87.369"]
        );
    }

    #[test]
    fn other_prices_of_the_column_prove_which_mark_it_is_before_and_after() {
        assert_eq!(
            piped(&["d;Price", "1;87,369", "2;18,175.50"]).unwrap(),
            ["87369", "18175.50"]
        );
        assert_eq!(
            piped(&["d;Price", "1;18,175.50", "2;87,369"]).unwrap(),
            ["18175.50", "87369"]
        );
        assert_eq!(
            piped(&["d,Price", "1,\"87,369\"", "2,\"18,5\""]).unwrap(),
            ["87.369", "18.5"]
        );
        assert_eq!(
            piped(&["d,Price", "1,\"18.175\"", "2,\"18.200,50\""]).unwrap(),
            ["18175", "18200.50"]
        );
        assert_eq!(
            piped(&["d;Price", "1;18.175", "2;999,50"]).unwrap(),
            ["18175", "999.50"]
        );
    }

    #[test]
    fn where_nothing_proves_anything_the_flag_is_named() {
        for lines in [
            &["d,Price", "1,\"87,369\""][..],
            &["Price", "87,369"],
            &["d;Price", "1;18.175"],
            &["d\tPrice", "1\t87,369", "2\t18.175"],
        ] {
            let refused = piped(lines).expect_err("nothing decides").to_string();
            assert!(
                refused.contains("--decimal comma or --decimal point"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_price_of_a_program_is_read_without_waiting_for_proof() {
        for (first, text) in [
            ("AAPL,172.500", "172.500"),
            ("AAPL\t1.085", "1.085"),
            ("AAPL,172", "172"),
            ("AAPL;172", "172"),
        ] {
            let mut reader = PriceReader::new(None, None);
            let mut prices = Vec::new();
            assert_eq!(
                reader.read(first.as_bytes(), &mut prices),
                Ok(Outcome::Read),
                "{first}"
            );
            assert_eq!(texts(&prices), [text]);
        }
    }

    #[test]
    fn prices_that_wait_keep_their_order_and_leave_with_the_proof() {
        let mut reader = PriceReader::new(Some(aapl()), None);
        let mut prices = Vec::new();
        let mut read = |line: &str| reader.read(line.as_bytes(), &mut prices);
        assert_eq!(read("d;Price"), Ok(Outcome::Blank));
        assert_eq!(read("1;87,369"), Ok(Outcome::Held));
        assert_eq!(read("2;100"), Ok(Outcome::Held), "it may not overtake");
        assert_eq!(read("3;99,5"), Ok(Outcome::Read));
        assert_eq!(texts(&prices), ["87.369", "100", "99.5"]);
    }

    #[test]
    fn a_price_with_the_other_mark_is_an_invalid_line() {
        let mut reader = PriceReader::new(Some(aapl()), None);
        let mut prices = Vec::new();
        reader.read(b"1;1.234,50", &mut prices).unwrap_err();
        let mut reader = PriceReader::new(Some(aapl()), None);
        reader.read(b"d;Price", &mut prices).unwrap();
        reader.read(b"1;1.234,50", &mut prices).unwrap();
        let refused = reader.read(b"2;1234.5", &mut prices).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "\"1234.5\" has a decimal point, and this file's prices have a decimal comma"
        );
    }

    #[test]
    fn the_flag_decides_also_what_the_separator_would_decide_otherwise() {
        for (mark, text) in [
            (DecimalMark::Comma, "87.369"),
            (DecimalMark::Point, "87369"),
        ] {
            let mut reader = PriceReader::new(Some(aapl()), Some(mark));
            let mut prices = Vec::new();
            reader.read(b"d;Price", &mut prices).unwrap();
            reader.read(b"1;87,369", &mut prices).unwrap();
            assert_eq!(texts(&prices), [text]);
        }
        let mut reader = PriceReader::new(Some(aapl()), Some(DecimalMark::Comma));
        let mut prices = Vec::new();
        reader.read(b"172,50", &mut prices).unwrap();
        reader.read(b"1.173,5", &mut prices).unwrap();
        assert_eq!(texts(&prices), ["172.50", "1173.5"], "a column of its own");
    }

    #[test]
    fn a_survey_sees_the_whole_file_before_a_price_of_it_is_read() {
        let survey = |lines: &[&str]| {
            let mut survey = MarkSurvey::new(Some(aapl()));
            for line in lines {
                survey.read(line.as_bytes())?;
            }
            survey.finish()
        };
        assert_eq!(
            survey(&["d;p;Price", "1;x;87,369", "2;x;99,5"]),
            Ok(Some(DecimalMark::Comma))
        );
        assert_eq!(survey(&["d;Price", "1;100"]), Ok(None));
        assert!(matches!(
            survey(&["d,Price", "1,100", "2,\"87,369\""]),
            Err(BadFile::UnknownMark { .. })
        ));
        let both = survey(&["d;Price", "1;87,369", "2;99,5", "3;99.5"]).unwrap_err();
        assert_eq!(
            both.to_string(),
            "\"87,369\" has two readings, and other prices show both a decimal comma (\"99,5\") and a \
             decimal point (\"99.5\"); say which it is: --decimal comma or --decimal point"
        );
    }

    #[test]
    fn titles_rows_of_separators_and_a_separator_line_are_no_invalid_lines() {
        let mut reader = PriceReader::new(None, None);
        let mut prices = Vec::new();
        for line in [
            "\u{feff}sep=;",
            ";;",
            "\"Symbol\";\"Price\";\"Note\"",
            ";;",
            "AAPL;172,50;\"a; b\"",
            "AAPL;173,50;",
            "AAPL;174,50;;;",
            "",
        ] {
            reader
                .read(line.as_bytes(), &mut prices)
                .unwrap_or_else(|bad| panic!("{line}: {bad}"));
        }
        assert_eq!(texts(&prices), ["172.50", "173.50", "174.50"]);
    }

    #[test]
    fn a_day_without_a_price_is_counted_and_not_invalid() {
        let mut reader = PriceReader::new(Some(aapl()), None);
        let mut prices = Vec::new();
        let mut read = |line: &str| reader.read(line.as_bytes(), &mut prices);
        assert_eq!(read("observation_date,SP500"), Ok(Outcome::Blank));
        assert_eq!(read("2024-01-01,"), Ok(Outcome::NoPrice));
        assert_eq!(read("2024-01-01,."), Ok(Outcome::NoPrice));
        assert_eq!(read("2024-01-02,4742.83"), Ok(Outcome::Read));
    }

    #[test]
    fn an_invalid_line_says_what_is_wrong_with_it() {
        let mut reader = PriceReader::new(None, None);
        let mut prices = Vec::new();
        reader.read(b"stock,price", &mut prices).unwrap();
        let mut refused = |line: &[u8]| reader.read(line, &mut prices).unwrap_err();
        assert_eq!(
            refused(b"2018-06-01,65.81").to_string(),
            r#""2018-06-01" is a date, and stands in the column of stocks"#
        );
        assert!(matches!(refused(b"APPL"), BadLine::Columns(_)));
        assert!(matches!(refused(b"APPL,1,2"), BadLine::Columns(_)));
        assert!(matches!(refused(b"appl,1"), BadLine::Stock(_)));
        for line in [&b"APPL,1x3"[..], b"APPL,\xff", b"APPL,1e30"] {
            assert!(matches!(refused(line), BadLine::Price(_)));
        }
        let long = refused(&[b'x'; 2_000]);
        assert!(matches!(long, BadLine::TooLong(_)));
        assert!(long.to_string().len() < 150, "{long}");
    }
}
