//! Which pages, in which minutes.

use std::fmt::Write as _;

use crate::page::Page;

/// How long a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// From a store in a module to the singleton: one story in four crates.
    AnHour,
    /// The core.
    ThreeHours,
    /// All pages.
    All,
}

/// What an hour has room for: where the instance is.
const HOUR: [&str; 4] = [
    "05-module-store.md",
    "07-bad-game.md",
    "08-exported-game.md",
    "10-singleton-game.md",
];

/// The pages of a class.
pub fn pages_of(class: Class, pages: &[Page]) -> Vec<&Page> {
    let belongs = |page: &&Page| match class {
        Class::AnHour => HOUR.contains(&page.file.as_str()),
        Class::ThreeHours => page.is_core,
        Class::All => true,
    };
    pages.iter().filter(belongs).collect()
}

/// The pages of a class with their minutes, and the sum.
pub fn table(class: Class, pages: &[Page]) -> String {
    let mut table = String::new();
    let pages = pages_of(class, pages);
    for page in &pages {
        let _ = writeln!(table, "{:>4} min  {}", page.minutes, page.title);
    }
    let sum: u32 = pages.iter().map(|page| page.minutes).sum();
    let _ = writeln!(table, "{sum:>4} min  in all");
    table
}
