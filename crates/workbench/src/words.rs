//! What the student reads: a story, a step a line, with the broken rule last.

use crate::challenge::network::{Fate, Line};
use crate::wording::{capital, the};
use crate::world::{Ended, Fault, Told};

/// Columns of a printed line.
const WIDTH: usize = 98;
/// Messages of one step that are printed.
const MOST: usize = 12;

/// A story that was told with words, and how it ended.
pub fn story(ended: &Ended) -> String {
    let mut text = String::new();
    for (at, Told { words, lines }) in ended.told.iter().enumerate() {
        let described = lines.first().is_some_and(|line| describes(words, line));
        let lines = &lines[usize::from(described)..];
        let end = if lines.is_empty() { "." } else { ":" };
        let mut parts = vec![format!("{words}{end}")];
        for (at, line) in lines.iter().enumerate() {
            if at == MOST {
                parts.push("and so on.".to_owned());
                break;
            }
            let end = if at + 1 == lines.len() { "." } else { ";" };
            parts.push(part(line) + end);
        }
        // What follows the last step is not one: "2 steps" is the number of the last one here.
        let number = match at < ended.happened.len() {
            true => format!("{:>3}. ", at + 1),
            false => " ".repeat(5),
        };
        text += &wrapped(&number, parts.iter().map(String::as_str));
    }
    text.push('\n');
    text += &verdict(ended.fault.as_ref());
    text
}

/// Whether the words of a step say this message already: "Ann subscribes to APPL" is the message from Ann.
/// "The connection to the broker is lost" is not what the server receives.
fn describes(words: &str, line: &Line) -> bool {
    let words = words.strip_prefix("In the end ").unwrap_or(words);
    let mut names = words
        .split_whitespace()
        .map(|word| word.trim_end_matches(','));
    let first = names
        .next()
        .filter(|word| !word.eq_ignore_ascii_case("the"));
    let subject = first.or_else(|| names.next());
    line.fate == Fate::Arrived && subject.is_some_and(|name| name.eq_ignore_ascii_case(line.from))
}

fn part(line: &Line) -> String {
    let fate = match line.fate {
        Fate::Arrived => "",
        Fate::Waits => " (under way)",
        Fate::Lost => " (lost: its connection has ended)",
    };
    format!("{} → {} {}{fate}", line.from, line.to, line.words)
}

fn verdict(fault: Option<&Fault>) -> String {
    match fault {
        Some(Fault::Rule(broken)) => {
            let what = format!("{}.", capital(&broken.what));
            let rule = broken.rule;
            let why = format!(
                "The rule: {}. {} Read {}.",
                rule.words, rule.why, rule.lesson
            );
            wrapped("  => ", what.split(' ')) + &wrapped("     ", why.split(' '))
        }
        Some(Fault::Server(name, trouble)) => {
            let fault = format!("{} fails: {}", capital(&the(name)), trouble.0);
            let lines = fault.lines().enumerate();
            let starts = |at| if at == 0 { "  => " } else { "     " };
            lines
                .map(|(at, line)| wrapped(starts(at), line.split(' ')))
                .collect()
        }
        Some(Fault::Endless) => wrapped(
            "  => ",
            "The server and the world answer each other without end: 300 messages in one step."
                .split(' '),
        ),
        None => "  No rule is broken.\n".to_owned(),
    }
}

/// Joins parts to lines of at most [`WIDTH`] columns; a part is never broken.
fn wrapped<'a>(start: &str, parts: impl Iterator<Item = &'a str>) -> String {
    let indent = " ".repeat(start.chars().count());
    let (mut text, mut line) = (String::new(), start.to_owned());
    for part in parts {
        if line.chars().count() + part.chars().count() > WIDTH && line.trim() != "" {
            text += line.trim_end();
            text.push('\n');
            line.clone_from(&indent);
        }
        line += part;
        line.push(' ');
    }
    text + line.trim_end() + "\n"
}
