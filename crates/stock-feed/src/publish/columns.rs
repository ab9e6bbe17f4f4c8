//! Which column of a file is the stock and which the price: by its header, or by what its first line
//! looks like. What can be read in two ways is refused before anything is published.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use pubsub_manager::Stock;

use super::decimal::plain;
use super::{BadLine, QUOTED};

/// Where the columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// None where all lines are of one stock, which the command line names.
    pub(super) stock: Option<usize>,
    pub(super) price: usize,
    /// How many columns a line has.
    pub(super) count: usize,
}

/// Why no line of the file can be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// Two bytes a letter.
    #[error("this is UTF-16; save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8")]
    Utf16,
    /// Dates and prices, and no word about the stock.
    #[error("there is no column of stocks; name the stock that these prices are of: --stock AAPL")]
    NoStock,
    /// Both the flag and the file name stocks.
    #[error("the file has a column of stocks, so leave --stock out")]
    TwoStocks,
    /// A header without a column that is called a price.
    #[error("the header {0:?} names no price; call the column price or close")]
    NoPrice(String),
    /// More than one reading.
    #[error("{line:?} can be read as {one} or as {other}; put a header above it, such as {header}")]
    Ambiguous {
        /// The first line.
        line: String,
        /// The first reading.
        one: &'static str,
        /// The second one.
        other: &'static str,
        /// A header that decides.
        header: &'static str,
    },
    /// Too many columns to guess.
    #[error("{0:?} has too many columns to guess; put a header above it, such as date,stock,price")]
    NoHeader(String),
}

/// What the first line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Titles; the lines below are as they say.
    Header(Columns),
    /// A line of prices already.
    Line(Columns),
    /// Neither: the next line is asked.
    Neither,
}

/// Splits lines into fields, by the separator that the first line has.
#[derive(Debug)]
pub(super) struct Splitter {
    reader: Reader,
}

impl Splitter {
    /// A tab or a semicolon is a separator where there is one; else it is the comma.
    pub(super) fn by_the_looks_of(line: &str) -> Self {
        let separator = [b'\t', b';']
            .into_iter()
            .find(|one| line.as_bytes().contains(one));
        let reader = ReaderBuilder::new()
            .delimiter(separator.unwrap_or(b','))
            .build();
        Self { reader }
    }

    pub(super) fn split(&mut self, line: &str) -> Vec<String> {
        let (mut text, mut ends) = (vec![0; line.len() + 1], vec![0; line.len() + 2]);
        self.reader.reset();
        let (mut fed, mut written, mut fields) = (0, 0, 0);
        loop {
            // An empty input is the end of the line.
            let input = line.as_bytes().get(fed..).unwrap_or_default();
            let (result, read, wrote, ended) =
                self.reader
                    .read_record(input, &mut text[written..], &mut ends[fields..]);
            (fed, written, fields) = (fed + read, written + wrote, fields + ended);
            if matches!(result, ReadRecordResult::Record | ReadRecordResult::End) {
                break;
            }
        }
        let mut begin = 0;
        let mut field = |end: &usize| {
            let field = String::from_utf8_lossy(&text[begin..*end])
                .trim()
                .to_owned();
            begin = *end;
            field
        };
        ends[..fields].iter().map(&mut field).collect()
    }
}

/// Decides by the first line, and by whether the command line names a stock.
pub(super) fn first(line: &str, fields: &[String], is_named: bool) -> Result<First, BadFile> {
    let titles: Vec<String> = fields.iter().map(|field| field.to_lowercase()).collect();
    let place = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| titles.iter().position(|title| title == name))
    };
    let has_number = fields.iter().any(|field| plain(field).is_some());
    let stock = place(&["stock", "symbol", "ticker"]);
    // What was paid at the end of the day, and not what it became after later dividends.
    let price = place(&[
        "price",
        "close",
        "close/last",
        "last",
        "adj close",
        "adj_close",
    ]);
    let count = fields.len();
    if !has_number {
        return match (stock, price) {
            (_, None) if stock.is_some() || place(&["date", "time", "timestamp"]).is_some() => {
                Err(BadFile::NoPrice(line.to_owned()))
            }
            (_, None) => Ok(First::Neither),
            (Some(_), Some(_)) if is_named => Err(BadFile::TwoStocks),
            (None, Some(_)) if !is_named => Err(BadFile::NoStock),
            (stock, Some(price)) => Ok(First::Header(Columns {
                stock,
                price,
                count,
            })),
        };
    }
    let kinds: Vec<Kind> = fields.iter().map(|field| Kind::of(field)).collect();
    let ambiguous = |one, other, header| {
        let line = line.to_owned();
        Err(BadFile::Ambiguous {
            line,
            one,
            other,
            header,
        })
    };
    let at = |stock, price| {
        Ok(First::Line(Columns {
            stock,
            price,
            count,
        }))
    };
    match (&kinds[..], is_named) {
        ([_], true) => at(None, 0),
        ([Kind::Date | Kind::Bare, _], true) => at(None, 1),
        ([Kind::Word, _], true) => Err(BadFile::TwoStocks),
        ([Kind::Date, _], false) => Err(BadFile::NoStock),
        ([Kind::Bare, _], false) => {
            ambiguous("DATE,PRICE", "STOCK,PRICE", "date,price or stock,price")
        }
        ([_, _], _) => at(Some(0), 1),
        ([Kind::Date | Kind::Bare | Kind::Number, Kind::Word, _], false) => at(Some(1), 2),
        ([Kind::Word, Kind::Date | Kind::Bare, _], false) => at(Some(0), 2),
        ([_, _, _], false) => ambiguous("DATE,STOCK,PRICE", "STOCK,DATE,PRICE", "date,stock,price"),
        ([_], false) => Ok(First::Neither),
        _ => Err(BadFile::NoHeader(line.to_owned())),
    }
}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Date,
    /// Eight digits that may be a date, or anything else.
    Bare,
    Number,
    Word,
}

impl Kind {
    fn of(field: &str) -> Self {
        match field {
            _ if is_date(field) => Self::Date,
            _ if field.len() == 8 && field.bytes().all(|byte| byte.is_ascii_digit()) => Self::Bare,
            _ if plain(field).is_some() => Self::Number,
            _ => Self::Word,
        }
    }
}

/// A date or a time: two or three groups of digits with `-`, `/`, `.` or `:` between them, or a date
/// that names its month. A stock may have these signs as well; so what is a date is no stock.
pub(super) fn is_date(field: &str) -> bool {
    let begins = field.split(['T', ' ']).next().unwrap_or_default();
    let groups: Vec<&str> = begins.split(['-', '/', '.', ':']).collect();
    let is_digits = |group: &&str| {
        (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_time = groups.len() == 2 && begins.contains(':');
    if (groups.len() == 3 || is_time) && groups.iter().all(is_digits) {
        return true;
    }
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let lower = field.to_lowercase();
    let words = lower.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let names_month = |word: &str| MONTHS.iter().any(|month| word.starts_with(month));
    let (months, others): (Vec<&str>, Vec<&str>) = words.partition(|word| names_month(word));
    months.len() == 1 && (1..=3).contains(&others.len()) && others.iter().all(is_digits)
}

/// The stock of a line, if the text is one; a date is never a stock.
pub(super) fn stock(field: &str) -> Result<Stock, BadLine> {
    if is_date(field) {
        return Err(BadLine::Date(field.chars().take(QUOTED).collect()));
    }
    Ok(field.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(line: &str, is_named: bool) -> Result<First, BadFile> {
        let fields = Splitter::by_the_looks_of(line).split(line);
        first(line, &fields, is_named)
    }

    fn columns(stock: Option<usize>, price: usize, count: usize) -> Columns {
        Columns {
            stock,
            price,
            count,
        }
    }

    #[test]
    fn a_header_says_which_column_is_which_in_any_order() {
        for (line, stock, price, count) in [
            ("Symbol,Date,Price", Some(0), 2, 3),
            ("date,symbol,price", Some(1), 2, 3),
            ("Ticker;Close", Some(0), 1, 2),
            ("price\tstock", Some(1), 0, 2),
            ("symbol,open,high,low,close,volume", Some(0), 4, 6),
        ] {
            let header = First::Header(columns(stock, price, count));
            assert_eq!(decided(line, false), Ok(header), "{line}");
        }
        let yahoo = "Date,Open,High,Low,Close,Adj Close,Volume";
        assert_eq!(decided(yahoo, true), Ok(First::Header(columns(None, 4, 7))));
        assert_eq!(
            decided("Date,Price", true),
            Ok(First::Header(columns(None, 1, 2)))
        );
        assert_eq!(decided("Date,Price", false), Err(BadFile::NoStock));
        assert_eq!(decided("Symbol,Price", true), Err(BadFile::TwoStocks));
        assert!(matches!(
            decided("Date,Volume", false),
            Err(BadFile::NoPrice(_))
        ));
    }

    #[test]
    fn without_a_header_a_line_is_read_by_what_it_looks_like() {
        for (line, is_named, stock, price, count) in [
            ("APPL,100.01", false, Some(0), 1, 2),
            ("2026-11-24,APPL,100.01", false, Some(1), 2, 3),
            ("AAPL,2026-03-28,172.50", false, Some(0), 2, 3),
            ("\"Jan 1, 2000\",AAPL,1", false, Some(1), 2, 3),
            ("1,AAPL,1", false, Some(1), 2, 3),
            ("09:30,AAPL,1", false, Some(1), 2, 3),
            ("AAPL,\"4,769.83\"", false, Some(0), 1, 2),
            ("2018-06-01,65.81", true, None, 1, 2),
            ("65.81", true, None, 0, 1),
        ] {
            let line_of = First::Line(columns(stock, price, count));
            assert_eq!(decided(line, is_named), Ok(line_of), "{line}");
        }
        assert_eq!(decided("nonsense", false), Ok(First::Neither));
    }

    #[test]
    fn what_has_two_readings_is_refused_with_both() {
        for line in [
            "2018-06-01,65.81",
            "01/02/2018,65.81",
            "1.2.2018,65.81",
            "09:30:00,65.81",
        ] {
            assert_eq!(decided(line, false), Err(BadFile::NoStock), "{line}");
        }
        for line in ["20180601,65.81", "A,B,1"] {
            assert!(
                matches!(decided(line, false), Err(BadFile::Ambiguous { .. })),
                "{line}"
            );
        }
        assert!(matches!(
            decided("a,b,c,4", false),
            Err(BadFile::NoHeader(_))
        ));
        assert_eq!(decided("AAPL,1", true), Err(BadFile::TwoStocks));
    }

    #[test]
    fn a_date_is_no_stock_and_real_symbols_are_no_dates() {
        for date in [
            "2018-06-01",
            "01/02/2018",
            "1.2.2018",
            "09:30",
            "1-Jan-2000",
            "Jan 1, 2000",
            "2018-06-01T09:30:00Z",
            "2018-06-01 09:30",
        ] {
            assert!(is_date(date), "{date}");
            assert_eq!(stock(date), Err(BadLine::Date(date.to_owned())));
        }
        for symbol in [
            "AAPL", "BRK.B", "BRK/B", "^GSPC", "EURUSD=X", "M&M.NS", "7203.T", "BTC-USD", "MAR",
            "DEC",
        ] {
            assert!(!is_date(symbol), "{symbol}");
            assert!(stock(symbol).is_ok(), "{symbol}");
        }
    }
}
