//! How long a page takes: one formula over what there is to read, run, try and answer.
//!
//! The weights are chosen for a reader who knows TypeScript and meets Rust here. In November 2026 such a reader
//! took 510 minutes for pages 0 to 14, for which the pages had claimed 300; by these weights the same pages
//! take about as long. Not counted: the exercises, which name their own minutes, and what a first run compiles,
//! because `warm` does that before a class.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::page::Page;
use crate::quiz::questions;

/// Prose, read once.
const WORDS_A_MINUTE: usize = 150;
/// Quoted code and changes: they are read word by word.
const LINES_A_MINUTE: usize = 10;
/// Files below a heading "What to read": much of them is known from the page.
const FILE_LINES_A_MINUTE: usize = 40;
/// A command and what it prints.
const A_RUN: usize = 120;
/// A figure in steps, a difference between two crates, or programs to check.
const A_FIGURE: usize = 90;
/// "Predict" and "Check yourself".
const A_QUESTION: usize = 60;
/// One of the questions below the page.
const A_CHOICE: usize = 30;
/// A numbered item of "Try it": to change, run and compare.
const A_TRY: usize = 180;

/// The printed minutes of a page are a multiple of this.
pub const STEP: u32 = 5;
/// How far the printed minutes may be from the formula: a sentence more does not change a page's first lines.
pub const TOLERANCE: u32 = 5;

/// What a command in a block begins with.
const PROGRAMS: [&str; 6] = ["cargo ", "redis-", "target/", "npm ", "npx ", "node "];

/// The minutes of a page by the formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// In class: without "Try it", the questions below the page, and files to read from top to bottom.
    pub in_class: u32,
    /// Alone, with all of it.
    pub alone: u32,
}

/// What a part of a page has.
#[derive(Debug, Default)]
struct Work {
    words: usize,
    lines: usize,
    runs: usize,
    figures: usize,
    questions: usize,
    tries: usize,
}

impl Work {
    fn seconds(&self) -> usize {
        60 * self.words / WORDS_A_MINUTE
            + 60 * self.lines / LINES_A_MINUTE
            + A_RUN * self.runs
            + A_FIGURE * self.figures
            + A_QUESTION * self.questions
            + A_TRY * self.tries
    }
}

/// The minutes of a page.
///
/// # Errors
/// The page's questions, or a file that it asks to read, cannot be read.
pub fn minutes(workspace: &Path, page: &Page) -> Result<Minutes> {
    let [in_class, tries] = work(&page.text);
    let choices = questions(workspace, &page.file)?.unwrap_or_default().len();
    let mut file_lines = 0;
    for file in files_to_read(&page.text) {
        let text = fs::read_to_string(workspace.join(file));
        let text = text.with_context(|| format!("lessons/{} asks to read {file}", page.file))?;
        // Comments are read, too: they are half of what such a file has to say.
        file_lines += text.lines().filter(|line| !line.trim().is_empty()).count();
    }
    let besides = tries.seconds() + A_CHOICE * choices + 60 * file_lines / FILE_LINES_A_MINUTE;
    let minutes = |seconds: usize| u32::try_from((seconds + 30) / 60).unwrap_or(u32::MAX);
    Ok(Minutes {
        in_class: minutes(in_class.seconds()),
        alone: minutes(in_class.seconds() + besides),
    })
}

/// What a page prints for minutes by the formula.
pub fn printed(minutes: u32) -> u32 {
    STEP * ((minutes + STEP / 2) / STEP).max(1)
}

/// What is done in class, and what "Try it" adds.
fn work(page: &str) -> [Work; 2] {
    let mut parts = [Work::default(), Work::default()];
    let (mut section, mut fence) = ("", None);
    for line in page.lines() {
        let text = line.trim_start();
        if let Some(language) = text.strip_prefix("```") {
            fence = match fence {
                None => Some(language.split(' ').next().unwrap_or_default()),
                Some(_) => None,
            };
            continue;
        }
        let part = &mut parts[usize::from(section == "Try it")];
        match fence {
            Some("rust" | "ts" | "diff") => part.lines += 1,
            Some(_) => {
                let is_run = ["Run", "Why"].contains(&section)
                    && PROGRAMS.iter().any(|program| line.starts_with(program));
                part.runs += usize::from(is_run);
            }
            None => {
                if let Some(heading) = line.strip_prefix("## ") {
                    section = heading;
                }
                if section == "For the instructor" {
                    continue;
                }
                part.questions += usize::from(["## Predict", "## Check yourself"].contains(&line));
                part.figures += usize::from(line.starts_with("<!-- "));
                let is_try = line.split_once(". ").is_some_and(|(number, _)| {
                    section == "Try it" && number.parse::<u32>().is_ok()
                });
                part.tries += usize::from(is_try);
                part.words += line.split_whitespace().count();
            }
        }
    }
    parts
}

/// The Rust files that the table below a heading "What to read" links to.
fn files_to_read(text: &str) -> Vec<&str> {
    let section = text.split("\n### What to read").nth(1).unwrap_or_default();
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let targets = rows.flat_map(|row| row.split("](../").skip(1));
    targets
        .filter_map(|target| target.split(')').next())
        .filter(|file| file.ends_with(".rs"))
        .collect()
}
