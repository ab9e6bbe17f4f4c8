//! Prices in files as people have them: exports of Excel in any country, downloads, logs of a program.
//!
//! A file does not say what its separator, its columns and its decimal mark are. A reader that guesses
//! wrongly publishes a price a thousand times too high, and nobody sees it; so this one looks for proof,
//! and refuses, with what to write instead, what has two readings. It reads bytes and knows no Redis:
//! `cargo run -p stock-feed -- publish --help` is its command line.
//!
//! ```
//! use price_files::{LineCutter, PriceReader};
//!
//! let mut lines = LineCutter::default();
//! let mut reader = PriceReader::new(None, None);
//! let mut prices = Vec::new();
//! let mut bytes = &b"Symbol;Kurs\r\nAAPL;1.172,50\r\n"[..];
//! while !bytes.is_empty() {
//!     let (taken, line) = lines.take(bytes);
//!     if let Some(line) = line {
//!         reader.read(line, &mut prices)?;
//!     }
//!     bytes = &bytes[taken..];
//! }
//! reader.finish(&mut prices)?;
//! assert_eq!(prices[0].price.as_str(), "1172.50");
//! # Ok::<(), price_files::BadLine>(())
//! ```
//!
//! Read `reader.rs` first, then `evidence.rs` (what proves which mark), then `columns.rs`.

// From bytes to the fields of a line.
mod file_kind;
mod line_cutter;
mod separator;
mod text;

// From fields to prices.
mod columns;
mod date;
mod decimal_mark;
mod error;
mod evidence;
mod number;
mod reader;
mod rows;
mod titles;

pub use decimal_mark::DecimalMark;
pub use error::{BadFile, BadLine};
pub use line_cutter::{LineCutter, MAX_LINE};
pub use reader::{Outcome, PriceReader, StockPrice};
pub use rows::MarkSurvey;
