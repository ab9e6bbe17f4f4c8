//! Why a line is not a price, and why a file is not read at all.

use hub::{BadPrice, BadStock};

use crate::decimal_mark::DecimalMark;
use crate::line_cutter::MAX_LINE;

/// How much of a line is quoted, in characters.
const MAX_QUOTED: usize = 60;

/// The start of a text, as messages quote it.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED).collect()
}

/// Why a line is not a price.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// Too many columns, or too few.
    #[error("{0:?} is neither STOCK,PRICE nor what the lines above it are")]
    Columns(String),
    /// There is a date in the column of stocks.
    #[error("{0:?} is a date, but it is in the column of stocks")]
    Date(String),
    /// The stock is not a stock's name.
    #[error(transparent)]
    Stock(#[from] BadStock),
    /// The price is not a decimal number.
    #[error(transparent)]
    Price(#[from] BadPrice),
    /// It has the decimal mark that the file's prices do not have.
    #[error("{text:?} has a decimal {}, and this file's prices have a decimal {mark}", mark.other())]
    OtherMark {
        /// The price as the file has it.
        text: String,
        /// The mark of the file's prices.
        mark: DecimalMark,
    },
    /// It is longer than any line of prices.
    #[error("{0:?}... is longer than {MAX_LINE} bytes, write one price on each line")]
    TooLong(String),
    /// No line of this file can be published.
    #[error(transparent)]
    File(#[from] BadFile),
}

/// Why no line of a file can be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// It is compressed, a workbook, a web page, …
    #[error("this is {is}; {advice}")]
    OtherKind {
        /// What it is, as the end of "this is".
        is: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Dates and prices, without the stock that they are of; the text is an example of one.
    #[error("there is no column of stocks; name the stock that these prices are of: --stock {0}")]
    NoStock(String),
    /// Both the flag and the file name stocks.
    #[error("the file has a column of stocks, so leave --stock out")]
    TwoStocks,
    /// A header without a column that is called a price.
    #[error("the header {0:?} names no price; call the column price or close")]
    NoPrice(String),
    /// The columns have more than one reading.
    #[error("{line:?} can be read as {one} or as {other}; put a header above it, such as {header}")]
    Ambiguous {
        /// The first line of the file.
        line: String,
        /// The first reading, such as `DATE,PRICE`.
        one: &'static str,
        /// The second reading, such as `STOCK,PRICE`.
        other: &'static str,
        /// A header that decides.
        header: &'static str,
    },
    /// Too many columns to guess.
    #[error("{0:?} has too many columns to guess; put a header above it, such as date,stock,price")]
    NoHeader(String),
    /// A price has two readings, and no other price shows which.
    #[error(
        "{text:?} is {comma} with a decimal comma and {point} with a decimal point, and no other price \
         shows which; say it: --decimal comma or --decimal point"
    )]
    UnknownMark {
        /// The price as the file has it.
        text: String,
        /// What it is with a decimal comma.
        comma: String,
        /// What it is with a decimal point.
        point: String,
    },
    /// A price has two readings, and other prices show one and the other.
    #[error(
        "{text:?} has two readings, and other prices show both a decimal comma ({comma:?}) and a decimal \
         point ({point:?}); say which it is: --decimal comma or --decimal point"
    )]
    BothMarks {
        /// The price that has two readings.
        text: String,
        /// A price with a decimal comma.
        comma: String,
        /// A price with a decimal point.
        point: String,
    },
}
