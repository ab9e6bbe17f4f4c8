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
        // "Ann subscribes to APPL" describes the message from Ann already.
        let described = lines
            .first()
            .is_some_and(|line| line.fate == Fate::Arrived && words.contains(line.from));
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
        let number = format!("{:>3}. ", at + 1);
        text += &wrapped(&number, parts.iter().map(String::as_str));
    }
    text.push('\n');
    text += &verdict(ended.fault.as_ref());
    text
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
