//! Lines as rows of fields: once the first lines have shown the separator and the columns.

use hub::Stock;

use crate::columns::{self, Columns, First, Given};
use crate::date::is_date;
use crate::decimal_mark::DecimalMark;
use crate::error::{BadFile, BadLine, quoted};
use crate::evidence::Evidence;
use crate::file_kind::refuse_other_kinds;
use crate::line_cutter::MAX_LINE;
use crate::number::{Number, is_missing};
use crate::separator::{Separator, Splitter};
use crate::text::decode;

/// What a line has.
#[derive(Debug)]
pub(crate) enum Row {
    /// Titles, separators only, or nothing at all.
    Blank,
    /// A day on which there was no price.
    NoPrice,
    /// A stock and a price, whose decimal mark may not be known yet.
    Price(RowPrice),
}

/// A stock and its price, as a row has them.
#[derive(Clone, Debug)]
pub(crate) struct RowPrice {
    pub(crate) stock: Stock,
    /// The price as the file has it.
    pub(crate) text: String,
    /// None if it is not a number.
    pub(crate) number: Option<Number>,
    /// The line has no quotes: a program wrote it as it is, and not a spreadsheet.
    pub(crate) is_plain_line: bool,
}

/// Reads lines as rows.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The stock of all lines, if the command line names one.
    stock: Option<Stock>,
    mark: Option<DecimalMark>,
    has_started: bool,
    /// What a first line `sep=;` says.
    separator: Option<Separator>,
    table: Option<Table>,
}

#[derive(Debug)]
struct Table {
    separator: Separator,
    splitter: Splitter,
    columns: Columns,
}

impl Rows {
    pub(crate) fn new(stock: Option<Stock>, mark: Option<DecimalMark>) -> Self {
        Self {
            stock,
            mark,
            has_started: false,
            separator: None,
            table: None,
        }
    }

    /// The separator of the file, once its columns are known.
    pub(crate) fn separator(&self) -> Separator {
        self.table
            .as_ref()
            .map_or(Separator::NONE, |table| table.separator)
    }

    pub(crate) fn read(&mut self, line: &[u8]) -> Result<Row, BadLine> {
        if !std::mem::replace(&mut self.has_started, true) {
            refuse_other_kinds(line)?;
        }
        let is_too_long = line.len() > MAX_LINE;
        let line = decode(line);
        // Not its tabs: at a line's start or end they are empty fields.
        let line = line.trim_matches([' ', '\u{feff}', '\u{1a}']);
        if is_too_long {
            return Err(BadLine::TooLong(quoted(line)));
        }
        if line.is_empty() {
            return Ok(Row::Blank);
        }
        let fields = match &mut self.table {
            Some(table) => table.splitter.split(line),
            None => match self.start(line)? {
                Some(fields) => fields,
                None => return Ok(Row::Blank),
            },
        };
        if columns::filled(&fields) == 0 {
            return Ok(Row::Blank);
        }
        let Some(Table { columns, .. }) = &self.table else {
            return Err(BadLine::Columns(quoted(line)));
        };
        if !columns.fit(&fields) {
            return Err(BadLine::Columns(quoted(line)));
        }
        // A line may be shorter than the price's column only by empty fields.
        let text = fields.get(columns.price).cloned().unwrap_or_default();
        if is_missing(&text) {
            return Ok(Row::NoPrice);
        }
        let stock = match (columns.stock, self.stock) {
            (Some(column), _) => stock(fields.get(column).map_or("", String::as_str))?,
            (None, Some(stock)) => stock,
            (None, None) => return Err(BadFile::NoStock("AAPL".to_owned()).into()),
        };
        Ok(Row::Price(RowPrice {
            stock,
            number: Number::read(&text),
            text,
            is_plain_line: !line.contains('"'),
        }))
    }

    /// Looks for the columns in one of the first lines. Returns its fields if it has a price already.
    fn start(&mut self, line: &str) -> Result<Option<Vec<String>>, BadLine> {
        if let Some(separator) = Separator::of_sep_line(line) {
            self.separator = Some(separator);
            return Ok(None);
        }
        let separator = self.separator.unwrap_or_else(|| Separator::of(line));
        let mut splitter = Splitter::new(separator);
        let fields = splitter.split(line);
        if columns::filled(&fields) == 0 {
            return Ok(None);
        }
        let given = Given {
            has_stock: self.stock.is_some(),
            mark: self.mark,
        };
        let first = columns::first(line, &fields, given)?;
        let (separator, fields, columns) = match first {
            First::Header(columns) | First::Line(columns) => (separator, fields, columns),
            First::Price => {
                let columns = Columns {
                    stock: None,
                    price: 0,
                    least: 1,
                    most: 1,
                };
                (Separator::NONE, vec![line.to_owned()], columns)
            }
            First::Neither => return Err(BadLine::Columns(quoted(line))),
        };
        self.table = Some(Table {
            separator,
            splitter: Splitter::new(separator),
            columns,
        });
        Ok((!matches!(first, First::Header(_))).then_some(fields))
    }
}

/// The stock of a line, if the text is one; a date is never a stock.
fn stock(field: &str) -> Result<Stock, BadLine> {
    if is_date(field) {
        return Err(BadLine::Date(quoted(field)));
    }
    Ok(field.parse()?)
}

/// Reads a file once to find its decimal mark, before any of its prices is published.
#[derive(Debug)]
pub struct MarkSurvey {
    rows: Rows,
    evidence: Evidence,
}

impl MarkSurvey {
    /// A survey of a file of which the command line may say the stock.
    pub fn new(stock: Option<Stock>) -> Self {
        Self {
            rows: Rows::new(stock, None),
            evidence: Evidence::default(),
        }
    }

    /// Looks at a line. Invalid lines prove nothing: the reader names them later.
    ///
    /// # Errors
    /// No line of the file can be published.
    pub fn read(&mut self, line: &[u8]) -> Result<(), BadFile> {
        match self.rows.read(line) {
            Ok(Row::Price(RowPrice {
                text,
                number: Some(number),
                ..
            })) => self.evidence.add(&text, &number, self.rows.separator()),
            Err(BadLine::File(why)) => return Err(why),
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// The mark, or none if every price has one reading only.
    ///
    /// # Errors
    /// Prices have two readings, and the others show nothing, or both.
    pub fn finish(self) -> Result<Option<DecimalMark>, BadFile> {
        self.evidence.decide()
    }
}
