//! Numbers as files have them, rewritten as a price is written on the wire: plain decimals.

use crate::decimal_mark::DecimalMark;

/// Digits behind the point that a price may have.
const MAX_DECIMALS: usize = 15;

/// The largest exponent either way; every price is far within it, and `1e999999999` would be a gigabyte
/// of zeros.
const MAX_EXPONENT: u32 = 40;

/// The signs between thousands, besides the mark that is not the decimal one. Excel's French and Swiss
/// exports have no-break spaces and both apostrophes.
const GROUPING: [char; 6] = ['\'', '’', ' ', '\u{a0}', '\u{202f}', '\u{2009}'];

const CURRENCIES: [char; 5] = ['$', '€', '£', '¥', '₹'];

/// What files have in place of a price on a day without one.
const MISSING: [&str; 12] = [
    "", ".", "-", "--", "–", "null", "none", "na", "n/a", "nan", "#n/a", "#n/a n/a",
];

/// A number in plain decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainNumber {
    pub(crate) text: String,
    /// It had more decimals than a price may have.
    pub(crate) is_rounded: bool,
}

/// A number of a file: which of its commas and points is the decimal mark, the file has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// It is the same with either mark: `100`, `1'234`.
    Same(PlainNumber),
    /// It is a number with one mark only, which proves that mark: `87,5`, `1.234,56`.
    Only(DecimalMark, PlainNumber),
    /// It is another number with each: `87,369`, `1.234`.
    Ambiguous {
        comma: PlainNumber,
        point: PlainNumber,
    },
}

impl Number {
    /// Reads a number; none if the text is not one, whichever mark it has.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let comma = plain(text, DecimalMark::Comma);
        let point = plain(text, DecimalMark::Point);
        match (comma, point) {
            (None, None) => None,
            (Some(comma), None) => Some(Self::Only(DecimalMark::Comma, comma)),
            (None, Some(point)) => Some(Self::Only(DecimalMark::Point, point)),
            (Some(comma), Some(point)) if comma == point => Some(Self::Same(point)),
            (Some(comma), Some(point)) => Some(Self::Ambiguous { comma, point }),
        }
    }

    /// The number if this is the mark of its file; none if it has the other one.
    pub(crate) fn with(self, mark: DecimalMark) -> Option<PlainNumber> {
        match (self, mark) {
            (Self::Same(plain), _) => Some(plain),
            (Self::Only(only, plain), mark) => (only == mark).then_some(plain),
            (Self::Ambiguous { comma, .. }, DecimalMark::Comma) => Some(comma),
            (Self::Ambiguous { point, .. }, DecimalMark::Point) => Some(point),
        }
    }
}

/// Whether a file says that there is no price.
pub(crate) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.to_lowercase().as_str())
}

/// Rewrites `1e-05`, `4,769.83`, `-$36.98` and `171.4609999999999877`; none if the text is not a number.
fn plain(text: &str, mark: DecimalMark) -> Option<PlainNumber> {
    let (sign, text) = sign_and_digits(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, behind) = number.split_once(mark.char()).unwrap_or((number, ""));
    let whole = without_grouping(whole, mark.other().char())?;
    let digits = format!("{whole}{behind}");
    let is_number = !digits.is_empty() && is_digits(&digits);
    if !is_number || exponent.unsigned_abs() > MAX_EXPONENT {
        return None;
    }
    // Where the point is, counted from the first digit.
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let (whole, behind) = around_the_point(&digits, point);
    let rounded = rounded(&whole, &behind)?;
    let whole = match rounded.whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    // What was written is kept, also its last zeros, unless it had to be rewritten.
    let behind = match exponent == 0 && !rounded.is_rounded {
        true => &*rounded.behind,
        false => rounded.behind.trim_end_matches('0'),
    };
    let point = if behind.is_empty() { "" } else { "." };
    Some(PlainNumber {
        text: format!("{sign}{whole}{point}{behind}"),
        is_rounded: rounded.is_rounded,
    })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes sign and currency off: the sign may be before or after the currency's. U+2212 is the minus that
/// spreadsheets and web pages have.
fn sign_and_digits(text: &str) -> (&'static str, &str) {
    let (sign, text) = sign(without_currency(text));
    let (second, text) = match sign {
        None => self::sign(without_currency(text)),
        Some(_) => (None, without_currency(text)),
    };
    (sign.or(second).unwrap_or_default(), text)
}

fn sign(text: &str) -> (Option<&'static str>, &str) {
    let mut rest = text.chars();
    match rest.next() {
        Some('-' | '\u{2212}') => (Some("-"), rest.as_str()),
        Some('+') => (Some(""), rest.as_str()),
        _ => (None, text),
    }
}

/// `$172.50`, `172,50 €` and `CHF 1'234.50` without what they are paid in.
fn without_currency(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix(CURRENCIES).unwrap_or(text);
    let text = text.strip_suffix(CURRENCIES).unwrap_or(text).trim();
    let is_code =
        |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if let Some((code, number)) = text.split_once(char::is_whitespace)
        && is_code(code)
    {
        return number.trim();
    }
    match text.rsplit_once(char::is_whitespace) {
        Some((number, code)) if is_code(code) => number.trim(),
        _ => text,
    }
}

/// `4,769` is 4769, if a comma is between thousands. The separators of one number are all alike, and all
/// groups but the first have three digits; in India only the last one has, and the others have two.
fn without_grouping(whole: &str, other_mark: char) -> Option<String> {
    let Some(separator) = whole.chars().find(|char| !char.is_ascii_digit()) else {
        return Some(whole.to_owned());
    };
    if separator != other_mark && !GROUPING.contains(&separator) {
        return None;
    }
    let groups: Vec<&str> = whole.split(separator).collect();
    let (first, groups) = groups.split_first()?;
    let (last, middle) = groups.split_last()?;
    // A number with thousands does not begin with a zero: `0,123` has decimals.
    let is_first = |most| (1..=most).contains(&first.len()) && !first.starts_with('0');
    let western = is_first(3) && middle.iter().all(|group| group.len() == 3);
    let indian = separator == ',' && is_first(2) && middle.iter().all(|group| group.len() == 2);
    ((western || indian) && last.len() == 3).then(|| whole.replace(separator, ""))
}

/// The digits before the point and behind it, with the zeros that an exponent adds.
fn around_the_point(digits: &str, point: i32) -> (String, String) {
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let digits = format!("{}{digits}{}", zeros(-point), zeros(point - length));
    let (whole, behind) = digits.split_at(usize::try_from(point).unwrap_or(0));
    (whole.to_owned(), behind.to_owned())
}

struct Rounded {
    whole: String,
    behind: String,
    is_rounded: bool,
}

/// Rounds half up to [`MAX_DECIMALS`], digit by digit: a float would change digits that were published.
fn rounded(whole: &str, behind: &str) -> Option<Rounded> {
    let (kept, cut) = behind.split_at(behind.len().min(MAX_DECIMALS));
    let mut digits: Vec<u8> = [whole, kept].concat().into();
    if cut.as_bytes().first().is_some_and(|first| *first >= b'5') {
        let carried = digits.iter_mut().rev().all(|digit| {
            let is_nine = *digit == b'9';
            *digit = if is_nine { b'0' } else { *digit + 1 };
            is_nine
        });
        if carried {
            digits.insert(0, b'1');
        }
    }
    let digits = String::from_utf8(digits).ok()?;
    let (whole, behind) = digits.split_at(digits.len() - kept.len());
    Some(Rounded {
        whole: whole.to_owned(),
        behind: behind.to_owned(),
        is_rounded: cut.bytes().any(|byte| byte != b'0'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(text: &str) -> Option<PlainNumber> {
        plain(text, DecimalMark::Point)
    }

    #[test]
    fn numbers_of_real_downloads_become_plain_decimals() {
        for (text, becomes) in [
            ("100.01", "100.01"),
            ("26.00", "26.00"),
            ("171.46099999999998", "171.46099999999998"),
            ("158.61642206543002", "158.61642206543002"),
            ("0.00000798374", "0.00000798374"),
            ("-36.98", "-36.98"),
            ("\u{2212}36.98", "-36.98"),
            ("+1.5", "1.5"),
            (".5", "0.5"),
            ("1e-05", "0.00001"),
            ("1.25E3", "1250"),
            ("7.98374e-06", "0.00000798374"),
            ("4,769.83", "4769.83"),
            ("1,234,567", "1234567"),
            ("1,23,456.75", "123456.75"),
            ("1'234.50", "1234.50"),
            ("1’234’567.5", "1234567.5"),
            ("1 234.50", "1234.50"),
            ("1\u{a0}234.50", "1234.50"),
            ("1\u{202f}234", "1234"),
            ("$172.50", "172.50"),
            ("-$36.98", "-36.98"),
            ("$-36.98", "-36.98"),
            ("172.50 €", "172.50"),
            ("CHF 1'234.50", "1234.50"),
            ("172.50\u{a0}USD", "172.50"),
            ("0", "0"),
        ] {
            let plain = point(text).unwrap_or_else(|| panic!("{text} is a number"));
            assert_eq!((&*plain.text, plain.is_rounded), (becomes, false), "{text}");
        }
    }

    #[test]
    fn numbers_with_a_decimal_comma_become_plain_decimals() {
        for (text, becomes) in [
            ("87,36", "87.36"),
            ("0,123", "0.123"),
            ("18.175,20", "18175.20"),
            ("1 234 567,5", "1234567.5"),
            ("1\u{202f}234,50\u{a0}€", "1234.50"),
            ("-1.234", "-1234"),
            ("1,5e3", "1500"),
        ] {
            let plain = plain(text, DecimalMark::Comma);
            assert_eq!(
                plain.map(|plain| plain.text).as_deref(),
                Some(becomes),
                "{text}"
            );
        }
    }

    #[test]
    fn more_than_fifteen_decimals_are_rounded() {
        for (text, becomes) in [
            ("0.1000000014901161193847656", "0.100000001490116"),
            ("0.9999999999999999", "1"),
            ("9.9999999999999996", "10"),
            ("1e-20", "0"),
        ] {
            let plain = point(text).unwrap_or_else(|| panic!("{text} is a number"));
            assert_eq!((&*plain.text, plain.is_rounded), (becomes, true), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_number_has_no_reading() {
        for text in [
            "",
            "-",
            "e5",
            "1e",
            "abc",
            "1.2.3",
            "12,34.5",
            "NaN",
            "inf",
            "1e99999",
            "0x10",
            "1 2",
            "1,2,3",
            "01.02.2024",
            "1 234'567",
            "5%",
            "--5",
            "$",
            "1,234 567",
        ] {
            assert_eq!(Number::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_proves_its_mark_or_has_two_readings_or_none_to_decide() {
        use DecimalMark::{Comma, Point};
        let proves = |text| match Number::read(text) {
            Some(Number::Only(mark, _)) => Some(mark),
            _ => None,
        };
        for text in [
            "87,5",
            "87,36",
            "87,3690",
            "0,369",
            "1234,567",
            "1.234,567",
            "1.234.567",
            ",369",
        ] {
            assert_eq!(proves(text), Some(Comma), "{text}");
        }
        for text in [
            "87.5",
            "0.369",
            "1234.567",
            "1,234.567",
            "1,234,567",
            "1,00,000",
            ".369",
        ] {
            assert_eq!(proves(text), Some(Point), "{text}");
        }
        for text in ["87,369", "1.234", "-18,175", "123,456"] {
            let number = Number::read(text);
            assert!(
                matches!(number, Some(Number::Ambiguous { .. })),
                "{text}: {number:?}"
            );
        }
        for text in ["100", "1'234", "1 234 567", "1e-05"] {
            assert!(
                matches!(Number::read(text), Some(Number::Same(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_day_without_a_price_is_not_an_invalid_price() {
        for text in ["", ".", "null", "N/A", "NaN", "#N/A", "-"] {
            assert!(is_missing(text), "{text}");
        }
        for text in ["0", "x", "1x3"] {
            assert!(!is_missing(text), "{text}");
        }
    }
}
