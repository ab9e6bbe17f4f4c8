//! Which column of a file is the stock and which the price: by its header, or by what its first line
//! looks like. What can be read in two ways is refused before anything is published.

use crate::date::is_date;
use crate::decimal_mark::DecimalMark;
use crate::error::{BadFile, quoted};
use crate::number::Number;
use crate::titles::Titles;

/// The stock that messages name as an example.
const EXAMPLE: &str = "AAPL";

/// Where the columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    /// None if all lines are of one stock, which the command line names.
    pub(crate) stock: Option<usize>,
    pub(crate) price: usize,
    /// How many columns a line has at least, without the empty ones at its end.
    pub(crate) least: usize,
    /// How many it has at most, without more empty ones.
    pub(crate) most: usize,
}

impl Columns {
    fn of(fields: &[String], stock: Option<usize>, price: usize) -> Self {
        Self {
            stock,
            price,
            least: filled(fields),
            most: fields.len(),
        }
    }

    /// Whether a line has these columns. Spreadsheets add empty fields to some lines and not to others.
    pub(crate) fn fit(&self, fields: &[String]) -> bool {
        fields.len() >= self.least && filled(fields) <= self.most
    }
}

/// How many fields there are up to the last one that is not empty.
pub(crate) fn filled(fields: &[String]) -> usize {
    let last = fields.iter().rposition(|field| !field.is_empty());
    last.map_or(0, |last| last + 1)
}

/// What the first line is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Titles; the lines below are as they say.
    Header(Columns),
    /// A line of prices already.
    Line(Columns),
    /// A line of prices, in which a comma separates no fields.
    Price,
    /// Neither: the next line decides.
    Neither,
}

/// What the command line says about the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) has_stock: bool,
    pub(crate) mark: Option<DecimalMark>,
}

/// Decides by the first line, and by what the command line says.
pub(crate) fn first(line: &str, fields: &[String], given: Given) -> Result<First, BadFile> {
    if fields.iter().any(|field| Number::read(field).is_some()) {
        first_prices(line, fields, given)
    } else {
        header(line, fields, given)
    }
}

fn header(line: &str, fields: &[String], given: Given) -> Result<First, BadFile> {
    let titles = Titles::new(fields);
    let is_header = |stock, price| Ok(First::Header(Columns::of(fields, stock, price)));
    let no_stock = |example: &str| Err(BadFile::NoStock(example.to_owned()));
    match (titles.stock(), titles.price(), given.has_stock) {
        (Some(_), Some(_), true) => Err(BadFile::TwoStocks),
        (None, Some(price), true) => is_header(None, price),
        (Some(stock), Some(price), false) => is_header(Some(stock), price),
        (None, Some(price), false) => match titles.name() {
            Some(name) => is_header(Some(name), price),
            None => no_stock(EXAMPLE),
        },
        (None, None, has_stock) => match titles.series() {
            Some((price, _)) if has_stock => is_header(None, price),
            Some((_, series)) => no_stock(series.as_str()),
            None if titles.date().is_some() => Err(BadFile::NoPrice(quoted(line))),
            None => Ok(First::Neither),
        },
        (Some(_), None, _) => Err(BadFile::NoPrice(quoted(line))),
    }
}

fn first_prices(line: &str, fields: &[String], given: Given) -> Result<First, BadFile> {
    let kinds: Vec<Kind> = fields.iter().map(|field| Kind::of(field)).collect();
    let ambiguous = |one, other, header| {
        Err(BadFile::Ambiguous {
            line: quoted(line),
            one,
            other,
            header,
        })
    };
    let at = |stock, price| Ok(First::Line(Columns::of(fields, stock, price)));
    match (&kinds[..], given.has_stock) {
        ([_], true) => at(None, 0),
        ([Kind::Date | Kind::Bare, _], true) => at(None, 1),
        ([Kind::Word, _], true) => Err(BadFile::TwoStocks),
        // `172,50` in a column of its own, or the 172nd line and its price.
        ([Kind::Number, Kind::Number | Kind::Bare], true) => match given.mark {
            Some(DecimalMark::Comma) => Ok(First::Price),
            Some(DecimalMark::Point) => at(None, 1),
            None => ambiguous(
                "PRICE (then say --decimal comma)",
                "NUMBER,PRICE (then say --decimal point)",
                "number,price",
            ),
        },
        ([Kind::Date, _], false) => Err(BadFile::NoStock(EXAMPLE.to_owned())),
        ([Kind::Bare, _], false) => {
            ambiguous("DATE,PRICE", "STOCK,PRICE", "date,price or stock,price")
        }
        ([_, _], _) => at(Some(0), 1),
        ([Kind::Date | Kind::Bare | Kind::Number, Kind::Word, _], false) => at(Some(1), 2),
        ([Kind::Word, Kind::Date | Kind::Bare, _], false) => at(Some(0), 2),
        ([_, _, _], false) => ambiguous("DATE,STOCK,PRICE", "STOCK,DATE,PRICE", "date,stock,price"),
        ([_], false) => Ok(First::Neither),
        _ => Err(BadFile::NoHeader(quoted(line))),
    }
}

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Date,
    /// Digits that may be a date (`20180601`), a time in seconds or milliseconds, or anything else.
    Bare,
    Number,
    Word,
}

impl Kind {
    fn of(field: &str) -> Self {
        let is_digits = field.bytes().all(|byte| byte.is_ascii_digit());
        match field {
            _ if is_date(field) => Self::Date,
            _ if is_digits && [8, 10, 13].contains(&field.len()) => Self::Bare,
            _ if Number::read(field).is_some() => Self::Number,
            _ => Self::Word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::separator::{Separator, Splitter};

    fn decided(line: &str, has_stock: bool) -> Result<First, BadFile> {
        let fields = Splitter::new(Separator::of(line)).split(line);
        first(
            line,
            &fields,
            Given {
                has_stock,
                mark: None,
            },
        )
    }

    fn columns(stock: Option<usize>, price: usize, count: usize) -> Columns {
        Columns {
            stock,
            price,
            least: count,
            most: count,
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
            ("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<CLOSE>", Some(0), 5, 6),
            ("Symbol;Schlusskurs", Some(0), 1, 2),
            ("date,open,high,low,close,volume,Name", Some(6), 4, 7),
        ] {
            let header = First::Header(columns(stock, price, count));
            assert_eq!(decided(line, false), Ok(header), "{line}");
        }
        for (line, price, count) in [
            ("Date,Open,High,Low,Close,Adj Close,Volume", 4, 7),
            ("Date,Price", 1, 2),
            ("observation_date,SP500", 1, 2),
            ("DATE,DEXUSEU", 1, 2),
            ("Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen", 4, 7),
            ("date\touv\thaut\tbas\tclot\tvol\tdevise", 4, 7),
            ("Close", 0, 1),
        ] {
            let header = First::Header(columns(None, price, count));
            assert_eq!(decided(line, true), Ok(header), "{line}");
        }
    }

    #[test]
    fn a_header_without_a_stock_or_a_price_is_refused_with_what_is_missing() {
        let no_stock = |stock: &str| Err(BadFile::NoStock(stock.to_owned()));
        assert_eq!(decided("Date,Price", false), no_stock("AAPL"));
        assert_eq!(decided("observation_date,SP500", false), no_stock("SP500"));
        assert_eq!(decided("Symbol,Price", true), Err(BadFile::TwoStocks));
        for (line, has_stock) in [
            ("Date,Volume", false),
            ("Date,Volume", true),
            ("DATE,VOLUME", true),
            ("Date, USD, JPY, BGN", true),
            ("Symbol,Volume", false),
        ] {
            let refused = decided(line, has_stock);
            assert!(matches!(refused, Err(BadFile::NoPrice(_))), "{line}");
        }
    }

    #[test]
    fn without_a_header_a_line_is_read_by_what_it_looks_like() {
        for (line, has_stock, stock, price, count) in [
            ("APPL,100.01", false, Some(0), 1, 2),
            ("2026-11-24,APPL,100.01", false, Some(1), 2, 3),
            ("AAPL,2026-03-28,172.50", false, Some(0), 2, 3),
            ("\"Jan 1, 2000\",AAPL,1", false, Some(1), 2, 3),
            ("1,AAPL,1", false, Some(1), 2, 3),
            ("09:30,AAPL,1", false, Some(1), 2, 3),
            ("AAPL,\"4,769.83\"", false, Some(0), 1, 2),
            ("01.02.2024;AAPL;1.234,50 €", false, Some(1), 2, 3),
            ("2018-06-01,65.81", true, None, 1, 2),
            ("65.81", true, None, 0, 1),
        ] {
            let line_of = First::Line(columns(stock, price, count));
            assert_eq!(decided(line, has_stock), Ok(line_of), "{line}");
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
            "2018-06,65.81",
        ] {
            let refused = decided(line, false);
            assert!(matches!(refused, Err(BadFile::NoStock(_))), "{line}");
        }
        for (line, has_stock) in [
            ("20180601,65.81", false),
            ("1527811200,65.81", false),
            ("1527811200000,65.81", false),
            ("A,B,1", false),
            ("172,50", true),
        ] {
            let refused = decided(line, has_stock);
            assert!(matches!(refused, Err(BadFile::Ambiguous { .. })), "{line}");
        }
        assert!(matches!(
            decided("a,b,c,4", false),
            Err(BadFile::NoHeader(_))
        ));
        assert_eq!(decided("AAPL,1", true), Err(BadFile::TwoStocks));
    }

    #[test]
    fn a_column_of_its_own_may_have_decimal_commas_if_the_command_line_says_so() {
        let fields = ["172".to_owned(), "50".to_owned()];
        let decided = |mark| {
            let given = Given {
                has_stock: true,
                mark: Some(mark),
            };
            first("172,50", &fields, given)
        };
        assert_eq!(decided(DecimalMark::Comma), Ok(First::Price));
        assert_eq!(
            decided(DecimalMark::Point),
            Ok(First::Line(columns(None, 1, 2)))
        );
    }
}
