//! The titles of columns, as downloads and exports have them in a few languages.

use hub::Stock;

/// What a column of stocks is called.
const STOCKS: [&str; 7] = [
    "stock",
    "symbol",
    "ticker",
    "tic",
    "symbole",
    "kürzel",
    "act symbol",
];

/// What a column of prices is called, the best first: what was paid at the end of the day, and not what it
/// became after later dividends.
const PRICES: [&str; 30] = [
    "price",
    "close",
    "close/last",
    "last",
    "last price",
    "closing price",
    "close price",
    "kurs",
    "schlusskurs",
    "schluss",
    "zuletzt",
    "letzter",
    "letzter kurs",
    "preis",
    "prix",
    "cours",
    "clôture",
    "cloture",
    "clot",
    "dernier",
    "cierre",
    "último",
    "chiusura",
    "ultimo",
    "prezzo",
    "zamkniecie",
    "zamknięcie",
    "obs value",
    "adj close",
    "adjclose",
];

/// What a column of days or times is called.
const DATES: [&str; 13] = [
    "date",
    "time",
    "timestamp",
    "datetime",
    "observation date",
    "time period",
    "datum",
    "tag",
    "zeit",
    "jour",
    "fecha",
    "data",
    "trade date",
];

/// What is a number for each day, and no price that was paid.
const NOT_PRICES: [&str; 12] = [
    "volume",
    "vol",
    "open",
    "high",
    "low",
    "change",
    "dividends",
    "stock splits",
    "ouv",
    "haut",
    "bas",
    "open interest",
];

/// The titles of a file's columns, in small letters.
pub(crate) struct Titles {
    as_written: Vec<String>,
    titles: Vec<String>,
}

impl Titles {
    pub(crate) fn new(fields: &[String]) -> Self {
        Self {
            as_written: fields.to_vec(),
            titles: fields.iter().map(|field| normal(field)).collect(),
        }
    }

    pub(crate) fn stock(&self) -> Option<usize> {
        self.place(&STOCKS)
    }

    /// A column of names, which are symbols in some downloads and companies in others.
    pub(crate) fn name(&self) -> Option<usize> {
        self.place(&["name"])
    }

    pub(crate) fn price(&self) -> Option<usize> {
        self.place(&PRICES)
    }

    pub(crate) fn date(&self) -> Option<usize> {
        self.place(&DATES)
    }

    /// The column beside the dates in a file of one series, whose title is the name of the series, in
    /// capitals: `observation_date,SP500`.
    pub(crate) fn series(&self) -> Option<(usize, Stock)> {
        let (date, [_, _]) = (self.date()?, &*self.titles) else {
            return None;
        };
        let column = 1 - date;
        let is_price = !NOT_PRICES.contains(&&*self.titles[column]);
        let stock = self.as_written[column].parse().ok()?;
        is_price.then_some((column, stock))
    }

    fn place(&self, names: &[&str]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| self.titles.iter().position(|title| title == name))
    }
}

/// `<CLOSE>`, `Adj_Close` and `Close*` are the usual titles, with decoration.
fn normal(title: &str) -> String {
    let title = title.trim_matches(['<', '>', '*', ' ', '.']).to_lowercase();
    title.replace('_', " ")
}
