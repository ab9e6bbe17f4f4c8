//! The decimal mark of a file's prices, and what the file's separator says about it.

use std::fmt;

use crate::separator::Separator;

/// The sign between a price's whole part and its decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1.234,56`
    Comma,
    /// `1,234.56`
    Point,
}

impl DecimalMark {
    pub(crate) fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Point => '.',
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Comma => Self::Point,
            Self::Point => Self::Comma,
        }
    }

    /// What an ambiguous price's only mark is taken for if no price of the file proves anything.
    ///
    /// A comma before three digits has decimals behind it where commas do not separate fields: a program
    /// separates by semicolons or tabs because its numbers have decimal commas. In a file of commas such
    /// a price is in quotes, and may be either.
    ///
    /// A point before three digits has decimals behind it, except in a file of semicolons: what writes
    /// those writes `1.234` for 1234, too.
    pub(crate) fn by_separator(in_price: Self, separator: Separator) -> Option<Self> {
        let proves_nothing = match in_price {
            Self::Comma => [Separator::COMMA, Separator::NONE].contains(&separator),
            Self::Point => separator == Separator::SEMICOLON,
        };
        (!proves_nothing).then_some(in_price)
    }
}

impl fmt::Display for DecimalMark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Comma => "comma",
            Self::Point => "point",
        })
    }
}
