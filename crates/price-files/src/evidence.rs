//! What the prices of a file prove about its decimal mark.
//!
//! `87,369` is 87369 in New York and 87.369 in Berlin: a thousand times as much. One price rarely says
//! which it is; a column of prices nearly always does, because one of them has two decimals.

use crate::decimal_mark::DecimalMark;
use crate::error::{BadFile, quoted};
use crate::number::Number;
use crate::separator::Separator;

/// A price with two readings.
#[derive(Clone, Debug)]
struct Ambiguous {
    text: String,
    comma: String,
    point: String,
}

/// What the prices of a file have shown about its decimal mark. Each field has the first price of its
/// kind, as the file has it: messages quote it.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    comma: Option<String>,
    point: Option<String>,
    /// What the ambiguous prices would be by the file's separator; `None` is "nothing decides".
    by_separator: Vec<Option<DecimalMark>>,
    ambiguous: Option<Ambiguous>,
}

impl Evidence {
    /// Takes a price's text and readings into account.
    pub(crate) fn add(&mut self, text: &str, number: &Number, separator: Separator) {
        match number {
            Number::Same(_) => {}
            Number::Only(mark, _) => {
                let first = match mark {
                    DecimalMark::Comma => &mut self.comma,
                    DecimalMark::Point => &mut self.point,
                };
                first.get_or_insert_with(|| quoted(text));
            }
            Number::Ambiguous { comma, point } => {
                let in_price = match text.contains(DecimalMark::Comma.char()) {
                    true => DecimalMark::Comma,
                    false => DecimalMark::Point,
                };
                let by_separator = DecimalMark::by_separator(in_price, separator);
                if !self.by_separator.contains(&by_separator) {
                    self.by_separator.push(by_separator);
                }
                self.ambiguous.get_or_insert_with(|| Ambiguous {
                    text: quoted(text),
                    comma: comma.text.clone(),
                    point: point.text.clone(),
                });
            }
        }
    }

    /// The mark that a price has proved, if not both were.
    pub(crate) fn proved(&self) -> Option<DecimalMark> {
        match (&self.comma, &self.point) {
            (Some(_), None) => Some(DecimalMark::Comma),
            (None, Some(_)) => Some(DecimalMark::Point),
            _ => None,
        }
    }

    /// Decides, when there are no more prices. None is a file whose prices have one reading each.
    ///
    /// # Errors
    /// Prices have two readings, and the others show nothing, or both.
    pub(crate) fn decide(&self) -> Result<Option<DecimalMark>, BadFile> {
        let Some(Ambiguous { text, comma, point }) = self.ambiguous.clone() else {
            return Ok(self.proved());
        };
        match (&self.comma, &self.point, &*self.by_separator) {
            (Some(_), None, _) | (None, Some(_), _) => Ok(self.proved()),
            (None, None, [Some(mark)]) => Ok(Some(*mark)),
            (None, None, _) => Err(BadFile::UnknownMark { text, comma, point }),
            (Some(comma), Some(point), _) => Err(BadFile::BothMarks {
                text,
                comma: comma.clone(),
                point: point.clone(),
            }),
        }
    }
}
