//! Numbers as downloads write them, rewritten as a price is written on the wire: plain decimals.

/// Digits behind the point that a price may have.
const DECIMALS: usize = 15;

/// A number in plain decimals, and whether it had to be rounded to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) text: String,
    pub(super) is_rounded: bool,
}

/// Rewrites `1e-05`, `4,769.83` and `171.4609999999999877`; none where the text is no number.
pub(super) fn plain(text: &str) -> Option<Plain> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, behind) = number.split_once('.').unwrap_or((number, ""));
    let whole = without_thousands(whole)?;
    let digits = format!("{whole}{behind}");
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || exponent.abs() > 40 {
        return None;
    }
    // Where the point stands, counted from the first digit.
    let point = whole.len() as i32 + exponent;
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    let digits = format!(
        "{}{digits}{}",
        zeros(-point),
        zeros(point - digits.len() as i32)
    );
    let (whole, behind) = digits.split_at(point.max(0) as usize);
    let is_rounded = behind.len() > DECIMALS && behind[DECIMALS..].bytes().any(|byte| byte != b'0');
    let mut kept: Vec<u8> = [whole, &behind[..behind.len().min(DECIMALS)]]
        .concat()
        .into();
    if is_rounded && behind.as_bytes()[DECIMALS] >= b'5' {
        let carried = kept.iter_mut().rev().all(|digit| {
            let is_nine = *digit == b'9';
            *digit = if is_nine { b'0' } else { *digit + 1 };
            is_nine
        });
        if carried {
            kept.insert(0, b'1');
        }
    }
    let behind = behind.len().min(DECIMALS);
    let kept = String::from_utf8(kept).ok()?;
    let (whole, behind) = kept.split_at(kept.len() - behind);
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    // What was written is kept, also its last zeros, unless it had to be rewritten.
    let behind = match exponent == 0 && !is_rounded {
        true => behind,
        false => behind.trim_end_matches('0'),
    };
    let point = if behind.is_empty() { "" } else { "." };
    Some(Plain {
        text: format!("{sign}{whole}{point}{behind}"),
        is_rounded,
    })
}

/// `4,769` is 4769; a comma elsewhere is no part of a number.
fn without_thousands(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_grouped = whole.contains(',');
    if is_grouped && (first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3)) {
        return None;
    }
    Some(whole.replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_real_downloads_become_plain_decimals() {
        for (text, becomes) in [
            ("100.01", "100.01"),
            ("26.00", "26.00"),
            ("171.46099999999998", "171.46099999999998"),
            ("158.61642206543002", "158.61642206543002"),
            ("0.00000798374", "0.00000798374"),
            ("-36.98", "-36.98"),
            ("+1.5", "1.5"),
            (".5", "0.5"),
            ("1e-05", "0.00001"),
            ("1.25E3", "1250"),
            ("7.98374e-06", "0.00000798374"),
            ("4,769.83", "4769.83"),
            ("1,234,567", "1234567"),
            ("0", "0"),
        ] {
            let plain = plain(text).unwrap_or_else(|| panic!("{text} is a number"));
            assert_eq!((&*plain.text, plain.is_rounded), (becomes, false), "{text}");
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
            let plain = plain(text).unwrap_or_else(|| panic!("{text} is a number"));
            assert_eq!((&*plain.text, plain.is_rounded), (becomes, true), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", "-", "e5", "1e", "abc", "1.2.3", "1,2", "12,34.5", "NaN", "inf", "1e99999", "0x10",
            "1 2",
        ] {
            assert_eq!(plain(text), None, "{text:?}");
        }
    }
}
