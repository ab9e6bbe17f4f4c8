//! Plain English: the phrases of `phrases.txt` stand in no page, no code, no test's name and no output.
//!
//! What a program prints stands in its code, so that is where it is looked for.

use std::fs;
use std::path::{Path, PathBuf};

use lesson_tests::{visible, workspace};

const PHRASES: &str = include_str!("../phrases.txt");

/// What is read: pages, code, questions, figures, and what the pages run.
const ENDINGS: [&str; 6] = ["md", "rs", "toml", "html", "js", "ts"];

#[test]
fn no_page_and_no_program_has_a_phrase_that_a_reader_must_decode() {
    let phrases: Vec<(&str, &str)> = phrases().collect();
    let mut files = Vec::new();
    for part in ["crates", "lessons", "tests", "README.md", "ARCHITECTURE.md"] {
        files_in(&workspace().join(part), &mut files);
    }
    assert!(
        files.len() > 300,
        "{}: does this test still read them?",
        files.len()
    );
    let mut found = String::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("it can be read");
        for (line, number) in text.lines().zip(1..) {
            // A test's name is a sentence with `_` for each blank.
            let line = line.replace('_', " ").to_lowercase();
            for (phrase, better) in phrases.iter().filter(|(phrase, _)| has(&line, phrase)) {
                let file = file.strip_prefix(workspace()).unwrap_or(&file).display();
                found += &format!("{file}:{number}: {phrase:?}; write: {better}\n");
            }
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

/// Whether the phrase stands there by itself: a phrase is not in a longer word.
fn has(line: &str, phrase: &str) -> bool {
    let mut rests = line.split(phrase).skip(1);
    rests.any(|rest| !rest.starts_with(char::is_alphabetic))
}

fn phrases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = PHRASES.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (phrase, better) = line.split_once("  ").expect("a phrase, and what to write");
        (phrase, better.trim_start())
    })
}

fn files_in(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        let ending = path.extension().unwrap_or_default();
        if ENDINGS.iter().any(|one| ending == *one) {
            files.push(path.to_owned());
        }
        return;
    }
    // What is installed or built beside the sources is not ours.
    let name = path.file_name().unwrap_or_default();
    if ["node_modules", "out", "target"]
        .iter()
        .any(|one| name == *one)
    {
        return;
    }
    for path in visible(path) {
        files_in(&path, files);
    }
}
