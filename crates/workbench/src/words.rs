//! What the student reads: a story, a step a line, with the broken rule last.
//!
//! A message is described in the student's own terms: its type and its fields, from its JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::Value;

use crate::network::{Fate, Line};
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

/// A message in words: its type, then its values. Sender and receiver are known already.
pub(crate) fn message<M: Serialize>(message: &M, known: [&str; 2]) -> String {
    let json = serde_json::to_string(message).expect("messages are plain data");
    let Fields(fields) = serde_json::from_str(&json).expect("a message is an object");
    let parts = fields.iter().filter_map(|(name, value)| match value {
        Value::String(text) if known.contains(&text.as_str()) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) if list.is_empty() => Some("(no moves)".to_owned()),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            Some(format!("({})", list.join(" ")))
        }
        Value::Number(number) if name == "request" => Some(format!("#{number}")),
        Value::Number(number) if name == "number" => Some(number.to_string()),
        other => Some(format!("{name} {other}")),
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// The fields of an object in the order in which they are written; `serde_json::Map` sorts them.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A name with its article: "the broker", but "Ann" and "server-1".
pub(crate) fn the(name: &str) -> String {
    let proper = name.contains(|letter: char| letter.is_uppercase() || letter.is_numeric());
    match proper {
        true => name.to_owned(),
        false => format!("the {name}"),
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
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
