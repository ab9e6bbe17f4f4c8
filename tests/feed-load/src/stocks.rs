//! The names of the stocks that a measurement uses.

use std::str::FromStr;

/// Stocks by name, as `--stocks` gives them: a list (`APPL,GOOG`) or a number of made-up ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stocks(pub Vec<String>);

impl Stocks {
    /// `S0000`, `S0001` and so on.
    pub(crate) fn made_up(count: u16) -> Self {
        Self((0..count).map(|number| format!("S{number:04}")).collect())
    }
}

impl FromStr for Stocks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return match text.parse() {
                Ok(0) => Err("at least one stock is needed".into()),
                Ok(count) => Ok(Self::made_up(count)),
                Err(_) => Err(format!("{text} stocks are too many: 65535 at most")),
            };
        }
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        for (at, name) in names.iter().enumerate() {
            let letter = |byte: u8| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit() || b".-^=/&_:+".contains(&byte)
            };
            if name.is_empty() || name.len() > 24 || !name.bytes().all(letter) {
                return Err(format!(
                    "`{name}` is not a stock: 1 to 24 of A-Z 0-9 and . - ^ = / & _ : +"
                ));
            }
            if names[..at].contains(name) {
                return Err(format!("`{name}` is named twice"));
            }
        }
        Ok(Self(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stocks_are_a_number_or_a_list_of_names() {
        for (text, names) in [("2", ["S0000", "S0001"]), ("APPL,BRK.B", ["APPL", "BRK.B"])] {
            assert_eq!(text.parse(), Ok(Stocks(names.map(str::to_owned).into())));
        }
    }

    #[test]
    fn a_name_that_no_server_takes_is_refused_by_name() {
        for (bad, word) in [
            ("appl", "`appl`"),
            ("APPL,", "``"),
            ("A,B,A", "`A` is named twice"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXY", "1 to 24"),
            ("0", "at least one"),
            ("99999", "65535 at most"),
        ] {
            let error = bad.parse::<Stocks>().unwrap_err();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
