//! What is printed: prices to the standard output, everything else to the standard error.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use hub::Stock;

use crate::feed_message::FeedMessage;

/// What a status without a stock is about.
pub(crate) const ALL_PRICES: &str = "all prices";

/// A terminal, a pipe or a file.
pub(crate) struct Screen {
    colours: bool,
    /// Characters of the longest stock.
    width: usize,
    /// The price before, of each stock: what the arrow compares with.
    last: HashMap<String, f64>,
    /// The stocks whose prices may be old, and [`ALL_PRICES`].
    stale: HashSet<String>,
}

impl Screen {
    pub(crate) fn new(stocks: &[Stock]) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|no| !no.is_empty());
        let width = stocks
            .iter()
            .map(|stock| stock.as_str().len())
            .max()
            .unwrap_or(0);
        let colours = io::stdout().is_terminal() && !no_colour;
        Self {
            colours,
            width,
            last: HashMap::new(),
            stale: HashSet::new(),
        }
    }

    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "stock-feed: {text}");
    }

    pub(crate) fn show(&mut self, message: FeedMessage) -> io::Result<()> {
        match message {
            FeedMessage::Price {
                stock,
                price,
                last,
                missed,
            } => self.price(stock, &price, last, missed)?,
            FeedMessage::Status { feed, stock } => self.status(&feed, stock.as_deref()),
            FeedMessage::Error { message } => self.note(&message),
            FeedMessage::Other => {}
        }
        Ok(())
    }

    /// Forgets at a new connection which stocks were stale: a server names those that are, and not those
    /// that are live, so a mark of the last connection would never go.
    pub(crate) fn forget_stale_stocks(&mut self) {
        self.stale.retain(|of| of == ALL_PRICES);
    }

    pub(crate) fn status(&mut self, feed: &str, stock: Option<&str>) {
        let of = stock.unwrap_or(ALL_PRICES).to_owned();
        // Live is what one expects, and worth a line only after something else.
        let news = if feed == "live" {
            self.stale.remove(&of)
        } else {
            self.stale.insert(of.clone())
        };
        if news {
            self.note(&format!("{of}: {feed}"));
        }
    }

    #[cfg(test)]
    pub(crate) fn stale(&self) -> Vec<&str> {
        self.stale.iter().map(String::as_str).collect()
    }

    fn price(&mut self, stock: String, price: &str, last: bool, missed: u64) -> io::Result<()> {
        // For the arrow alone; what is printed is the price as it was published.
        let now: f64 = price.parse().unwrap_or(0.0);
        let (sign, colour) = match self.last.get(&stock) {
            Some(before) if now > *before => ("+", Some(AnsiColor::Green)),
            Some(before) if now < *before => ("-", Some(AnsiColor::Red)),
            _ => (" ", None),
        };
        let style = colour
            .filter(|_| self.colours)
            .map_or(Style::new(), |colour| colour.on_default());
        let mut line = format!(
            "{stock:width$}  {style}{sign} {price:>12}{style:#}",
            width = self.width
        );
        if last {
            line.push_str("  the last known");
        }
        if missed > 0 {
            line.push_str(&format!("  {missed} skipped"));
        }
        self.last.insert(stock, now);
        writeln!(io::stdout(), "{line}")
    }
}
