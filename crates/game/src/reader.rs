//! Games in a file, one JSON object a line: all of them, or none and the reason.

use std::collections::HashMap;
use std::io::{self, BufRead};

use crate::{Game, GameId, Object};

/// The famous games, in JSON Lines, with their sources.
const FAMOUS: &str = include_str!("../data/famous.jsonl");

/// The longest line that is read, in bytes; the longest game ever played fits four hundred times.
const LONGEST_LINE: usize = 1024 * 1024;

/// Why a file could not be read as games.
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
    /// It is a file of another kind.
    #[error("{file}: this is {is}; {advice}")]
    OtherKind {
        /// The file's name as the user gave it.
        file: String,
        /// The kind of the file, in words that follow "this is".
        is: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// All of its lines are blank.
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
/// Lines end with LF, CRLF or CR. Blank lines are skipped, and so is a byte order mark, which some
/// editors write.
///
/// # Errors
/// The first line that is not a game, or that repeats an id, fails the whole file: an `Ok` has every game
/// of it.
pub fn read(file: &str, from: impl BufRead) -> Result<Vec<Game>, ReadError> {
    let mut games = Vec::new();
    let mut first_line_of: HashMap<GameId, usize> = HashMap::new();
    let mut text = Vec::new();
    let mut lines = Lines::new(from);
    for line in 1.. {
        let bad_line = |reason: String| ReadError::BadLine {
            file: file.to_owned(),
            line,
            reason,
        };
        let is_line = lines
            .next_into(&mut text)
            .map_err(|source| ReadError::Unreadable {
                file: file.to_owned(),
                source,
            })?;
        if !is_line {
            break;
        }
        if text.len() > LONGEST_LINE {
            return Err(bad_line(format!(
                "the line is longer than {LONGEST_LINE} bytes; write one game a line"
            )));
        }
        let json = match games.is_empty() {
            true => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text),
            false => &text,
        };
        let json = json.trim_ascii_end();
        if json.is_empty() {
            continue;
        }
        if games.is_empty() {
            refuse_other_kinds(file, json)?;
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

/// What a file begins with that has no games in JSON Lines, what it is then, and what to do about it.
const OTHER_KINDS: [(&[u8], &str, &str); 7] = [
    (
        b"[Event ",
        PGN,
        "write each game as one JSON object a line, its moves as e2e4",
    ),
    (
        b"[",
        "a JSON list",
        "write one object a line, without the list around them",
    ),
    (
        b"1. ",
        PGN,
        "write each game as one JSON object a line, its moves as e2e4",
    ),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it first: gunzip"),
    (b"PK\x03\x04", "compressed (zip)", "unpack it first: unzip"),
    (b"\xff\xfe", UTF_16, "save it as UTF-8"),
    (b"\xfe\xff", UTF_16, "save it as UTF-8"),
];

const PGN: &str = "a PGN";
const UTF_16: &str = "UTF-16";

/// Refuses a file by its first line if that shows another kind of file, which the parser would only call
/// an unexpected character.
fn refuse_other_kinds(file: &str, line: &[u8]) -> Result<(), ReadError> {
    let other = OTHER_KINDS
        .iter()
        .find(|(start, ..)| line.starts_with(start));
    match other {
        Some((_, is, advice)) => Err(ReadError::OtherKind {
            file: file.to_owned(),
            is,
            advice,
        }),
        None => Ok(()),
    }
}

/// Lines that end with LF, CRLF or CR.
struct Lines<R> {
    from: R,
    /// The last line ended with CR: an LF after it ends no line of its own.
    is_after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            is_after_cr: false,
        }
    }

    /// Reads the next line, if there is one, without its end; of one that is too long no more than shows it.
    fn next_into(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let mut is_line = false;
        while line.len() <= LONGEST_LINE {
            let bytes = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let Some(first) = bytes.first() else {
                return Ok(is_line);
            };
            if std::mem::take(&mut self.is_after_cr) && *first == b'\n' {
                self.from.consume(1);
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            self.is_after_cr = end.is_some_and(|end| bytes[end] == b'\r');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.from.consume(taken);
            is_line = true;
            if end.is_some() {
                break;
            }
        }
        Ok(is_line)
    }
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
    fn windows_line_ends_blank_lines_and_a_byte_order_mark_are_accepted() {
        let text = format!("\u{feff}{GOOD}\r\n\r\n{}", GOOD.replace("\"a\"", "\"b\""));
        assert_eq!(read("x.jsonl", text.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn lines_end_with_lf_crlf_or_cr_and_keep_their_numbers() {
        let second = GOOD.replace("\"a\"", "\"b\"");
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("{GOOD}{end}{end}{second}{end}");
            assert_eq!(
                read("x.jsonl", text.as_bytes()).unwrap().len(),
                2,
                "{end:?}"
            );
            let refused = refusal(&format!("{GOOD}{end}{second}{end}nonsense{end}"));
            assert!(refused.starts_with("x.jsonl:3: "), "{end:?}: {refused}");
        }
    }

    #[test]
    fn a_pgn_and_other_files_that_people_have_are_called_what_they_are() {
        for (text, says) in [
            (
                &b"[Event \"London\"]\n[Site \"London\"]\n\n1. e4 e5\n"[..],
                "this is a PGN; write each game",
            ),
            (b"\n\xef\xbb\xbf[Event \"London\"]\r\n", "this is a PGN"),
            (b"1. e4 e5 2. f4\n", "this is a PGN"),
            (b"[{\"id\":\"a\"}]", "this is a JSON list"),
            (b"\x1f\x8b\x08\0", "this is compressed (gzip)"),
            (b"PK\x03\x04", "this is compressed (zip)"),
            (b"\xff\xfe{\0", "this is UTF-16"),
        ] {
            let refused = read("x.jsonl", text).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn an_invalid_line_is_named_with_its_file_its_number_and_the_reason() {
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
    fn bytes_that_are_not_text_and_endless_lines_are_invalid_lines_too() {
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
