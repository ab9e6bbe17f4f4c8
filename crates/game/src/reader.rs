//! Games in a file, one JSON object a line: all of them, or none and the reason.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use crate::{Game, GameId, Object};

/// The famous games, in JSON Lines, with their sources.
const FAMOUS: &str = include_str!("../data/famous.jsonl");

/// The longest line that is read, in bytes; the longest game ever played fits four hundred times.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Why a file gave no games.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line is not a game.
    #[error("{file}:{line}: {reason}; nothing of {file} was added")]
    BadLine {
        /// The file's name as the user gave it.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Not one line that is more than blanks.
    #[error("{file}: there is no game in it; write one JSON object a line")]
    NoGames {
        /// The file's name as the user gave it.
        file: String,
    },
    /// The file could not be opened or read to its end.
    #[error("cannot read {file}")]
    Unreadable {
        /// The file's name as the user gave it.
        file: String,
        /// What the system says.
        source: io::Error,
    },
}

/// The ten famous games that ship with this crate, the oldest first.
pub fn famous() -> Vec<Game> {
    read("famous.jsonl", FAMOUS.as_bytes()).expect("a test reads the shipped file")
}

/// Reads every game of `from`, which messages call `file`.
///
/// Blank lines are passed over, and so is a byte order mark, which some editors write.
///
/// # Errors
/// The first line that is not a game, or that repeats an id, fails the whole file: who gets
/// an `Ok` has every game of it.
pub fn read(file: &str, mut from: impl BufRead) -> Result<Vec<Game>, ReadError> {
    let mut games = Vec::new();
    let mut first_line_of: HashMap<GameId, usize> = HashMap::new();
    let mut text = Vec::new();
    for line in 1.. {
        let bad_line = |reason: String| ReadError::BadLine {
            file: file.to_owned(),
            line,
            reason,
        };
        text.clear();
        (&mut from)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut text)
            .map_err(|source| ReadError::Unreadable {
                file: file.to_owned(),
                source,
            })?;
        if text.is_empty() {
            break;
        }
        if text.len() as u64 > LONGEST_LINE {
            return Err(bad_line(format!(
                "the line is longer than {LONGEST_LINE} bytes; write one game a line"
            )));
        }
        let json = match line {
            1 => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text),
            _ => &text,
        };
        let json = json.trim_ascii_end();
        if json.is_empty() {
            continue;
        }
        let Object(game): Object<Game> =
            serde_json::from_slice(json).map_err(|error| bad_line(reason(&error)))?;
        if let Some(first) = first_line_of.insert(game.id.clone(), line) {
            let id = game.id.as_str();
            return Err(bad_line(format!(
                "the id {id:?} is on line {first} already; give each game an id of its own"
            )));
        }
        games.push(game);
    }
    if games.is_empty() {
        return Err(ReadError::NoGames {
            file: file.to_owned(),
        });
    }
    Ok(games)
}

/// The parser's words without its line number, which is always 1: it sees one line at a time.
fn reason(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&place) {
        Some(reason) => format!("{reason} (column {})", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"a","white_player":"W","black_player":"B","moves":["e2e4"]}"#;

    fn refusal(text: &str) -> String {
        read("x.jsonl", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_ten_famous_games_are_read_in_the_order_they_were_played() {
        let games = famous();
        assert_eq!(games.len(), 10);
        assert!(games.is_sorted_by_key(|game| game.year));
        assert_eq!(games[0].title(), "Anderssen-Kieseritzky 1851");
    }

    #[test]
    fn windows_line_ends_blank_lines_and_a_byte_order_mark_do_no_harm() {
        let text = format!("\u{feff}{GOOD}\r\n\r\n{}", GOOD.replace("\"a\"", "\"b\""));
        assert_eq!(read("x.jsonl", text.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_its_number_and_the_reason() {
        let second = |line: &str| refusal(&format!("{GOOD}\n{line}\n"));
        for (line, reason) in [
            ("{", "x.jsonl:2: EOF while parsing an object (column 1)"),
            (GOOD, "x.jsonl:2: the id \"a\" is on line 1 already"),
            (r#"{"id":"b"}"#, "missing field `white_player`"),
            (&GOOD.replace("\"a\"", "7"), "invalid type: integer `7`"),
            (&GOOD.replace("\"a\"", "\"\""), "the id is empty"),
            (&GOOD.replace("e2e4", "e2e9"), "goes to \"e9\""),
            (&GOOD.replace("e2e4", "e7e8k"), "promotes to 'k'"),
            (&GOOD.replace("e2e4", "0000"), "null move"),
            (
                &GOOD.replace("[\"e2e4\"]", "\"e2e4\""),
                "expected a sequence",
            ),
            (&format!("{GOOD}{GOOD}"), "trailing characters"),
            (
                r#"["b","W","B",1900,["e2e4"]]"#,
                "invalid type: sequence, expected an object",
            ),
        ] {
            let message = second(line);
            assert!(message.starts_with("x.jsonl:2: "), "{message}");
            assert!(message.contains(reason), "{message}");
            assert!(
                message.ends_with("nothing of x.jsonl was added"),
                "{message}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_endless_lines_are_bad_lines_too() {
        let error = read("x", &b"{\"id\":\"\xff\"}"[..]).unwrap_err();
        assert!(
            matches!(error, ReadError::BadLine { line: 1, .. }),
            "{error}"
        );
        let error = read("x", io::BufReader::new(io::repeat(b' '))).unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }

    #[test]
    fn a_file_without_games_is_refused() {
        assert!(refusal("\n \n").contains("there is no game in it"));
    }
}
