//! Dates and times: what distinguishes them from stocks and numbers.

/// A date or a time: two or three groups of digits with `-`, `/`, `.` or `:` between them, a month of a
/// year, or a date that names its month. A stock's name may have these signs as well, so a date is never
/// taken for a stock.
pub(crate) fn is_date(field: &str) -> bool {
    let start = field.split(['T', ' ']).next().unwrap_or_default();
    let groups: Vec<&str> = start.split(['-', '/', '.', ':']).collect();
    let is_time = groups.len() == 2 && start.contains(':');
    if (groups.len() == 3 || is_time) && groups.iter().all(is_digits) {
        return true;
    }
    is_month_of_a_year(field) || names_a_month(field)
}

fn is_digits(group: &&str) -> bool {
    (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2024-01`, as monthly series have it.
fn is_month_of_a_year(field: &str) -> bool {
    let Some((year, month)) = field.split_once('-') else {
        return false;
    };
    let is_year = year.len() == 4 && (year.starts_with("19") || year.starts_with("20"));
    let month = month.parse::<u8>().ok().filter(|_| month.len() == 2);
    is_year && is_digits(&year) && month.is_some_and(|month| (1..=12).contains(&month))
}

/// `1-Jan-2000`, `Jan 1, 2000`.
fn names_a_month(field: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let lower = field.to_lowercase();
    let words = lower.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let is_month = |word: &str| MONTHS.iter().any(|month| word.starts_with(month));
    let (months, others): (Vec<&str>, Vec<&str>) = words.partition(|word| is_month(word));
    months.len() == 1 && (1..=3).contains(&others.len()) && others.iter().all(is_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_not_symbols_and_symbols_are_not_dates() {
        for date in [
            "2018-06-01",
            "01/02/2018",
            "1.2.2018",
            "09:30",
            "1-Jan-2000",
            "Jan 1, 2000",
            "2018-06-01T09:30:00Z",
            "2018-06-01 09:30",
            "2024-01",
        ] {
            assert!(is_date(date), "{date}");
        }
        for symbol in [
            "AAPL", "BRK.B", "BRK/B", "^GSPC", "EURUSD=X", "M&M.NS", "7203.T", "BTC-USD", "MAR",
            "DEC", "2024-13", "7203-01",
        ] {
            assert!(!is_date(symbol), "{symbol}");
        }
    }
}
