//! Which pages, in which minutes.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::exercise::exercises;
use crate::minutes::minutes;
use crate::page::Page;

/// How long a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// From a store in a module to the singleton: one story in four crates.
    AnHour,
    /// The core.
    ThreeHours,
    /// All pages but the workbench's.
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
        Class::All => !is_challenge(page),
    };
    pages.iter().filter(belongs).collect()
}

/// The pages of a class with their minutes, in class and alone, and the sums.
///
/// # Errors
/// What a page's minutes are computed from cannot be read.
pub fn table(class: Class, workspace: &Path, pages: &[Page]) -> Result<String> {
    let mut table = "in class  alone  minutes\n".to_owned();
    let (mut in_class, mut alone) = (0, 0);
    for page in pages_of(class, pages) {
        let minutes = minutes(workspace, page)?;
        in_class += minutes.in_class;
        alone += page.minutes;
        let (class, title) = (minutes.in_class, &page.title);
        let _ = writeln!(table, "{class:>8}  {:>5}  {title}", page.minutes);
    }
    let _ = writeln!(
        table,
        "{in_class:>8}  {alone:>5}  in all: {} in class, {} alone",
        hours(in_class),
        hours(alone)
    );
    if class == Class::All {
        let challenges: u32 = pages
            .iter()
            .filter(|page| is_challenge(page))
            .map(|page| page.minutes)
            .sum();
        let exercises = exercises(workspace)?;
        let exercises: u32 = exercises
            .iter()
            .filter_map(|one| one.minutes.split(' ').next()?.parse::<u32>().ok())
            .sum();
        let _ = writeln!(
            table,
            "besides, alone: {} of exercises, {} of the workbench",
            hours(exercises),
            hours(challenges)
        );
    }
    Ok(table)
}

/// `1 h 50 min`.
fn hours(minutes: u32) -> String {
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

/// Whether the minutes of a page are an estimate: what takes the time is the server that its reader writes.
pub fn is_challenge(page: &Page) -> bool {
    page.file.starts_with('w')
}
