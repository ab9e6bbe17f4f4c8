//! The sign between the fields of a line.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// What no text has: the delimiter of a file that has only one column.
const UNIT_SEPARATOR: u8 = 0x1f;

/// The separator of a file's fields; none where a line is one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separator(Option<u8>);

impl Separator {
    pub(crate) const COMMA: Self = Self(Some(b','));
    pub(crate) const SEMICOLON: Self = Self(Some(b';'));
    pub(crate) const NONE: Self = Self(None);

    /// By a line of the file: a tab or a semicolon if there is one, otherwise a comma, otherwise a bar.
    /// Within quotes they separate nothing: `"Apple; the company",AAPL` is a line of commas.
    pub(crate) fn of(line: &str) -> Self {
        let outside = without_quoted(line);
        let usual = [b'\t', b';', b',', b'|'];
        Self(usual.into_iter().find(|one| outside.contains(one)))
    }

    /// `sep=;`, which Excel reads and writes as a first line.
    pub(crate) fn of_sep_line(line: &str) -> Option<Self> {
        let line = line.trim_matches([' ', '"']);
        let name = line.get(..4)?;
        let separator = match line.as_bytes()[4..] {
            [separator] => separator,
            // A tab at the end of a line is often lost on the way.
            [] => b'\t',
            _ => return None,
        };
        name.eq_ignore_ascii_case("sep=")
            .then_some(Self(Some(separator)))
    }
}

/// What of a line is not within quotes. A quote begins a quotation only where a field begins: `5" pipe` is
/// a text like any other.
fn without_quoted(line: &str) -> Vec<u8> {
    let mut outside = Vec::new();
    let (mut is_quoted, mut is_start, mut is_closed) = (false, true, false);
    for byte in line.bytes() {
        let is_quote = byte == b'"';
        if is_quote && (is_quoted || is_start || is_closed) {
            is_quoted = !is_quoted;
        } else if !is_quoted {
            outside.push(byte);
        }
        // Another quote right after this one is a quote in the text: `"say ""a;b"""`.
        is_closed = is_quote && !is_quoted;
        is_start = matches!(byte, b'\t' | b';' | b',' | b'|') || (is_start && byte == b' ');
    }
    outside
}

/// Splits lines into fields.
#[derive(Debug)]
pub(crate) struct Splitter {
    reader: Reader,
}

impl Splitter {
    pub(crate) fn new(separator: Separator) -> Self {
        let mut reader = ReaderBuilder::new();
        reader.delimiter(separator.0.unwrap_or(UNIT_SEPARATOR));
        Self {
            reader: reader.build(),
        }
    }

    pub(crate) fn split(&mut self, line: &str) -> Vec<String> {
        let (mut text, mut ends) = (vec![0; line.len() + 1], vec![0; line.len() + 2]);
        self.reader.reset();
        let (mut fed, mut written, mut fields) = (0, 0, 0);
        loop {
            // An empty input is the end of the line.
            let input = line.as_bytes().get(fed..).unwrap_or_default();
            let (result, read, wrote, ended) =
                self.reader
                    .read_record(input, &mut text[written..], &mut ends[fields..]);
            (fed, written, fields) = (fed + read, written + wrote, fields + ended);
            if matches!(result, ReadRecordResult::Record | ReadRecordResult::End) {
                break;
            }
        }
        let mut start = 0;
        let mut field = |end: &usize| {
            let field = String::from_utf8_lossy(&text[start..*end]);
            start = *end;
            field.trim().to_owned()
        };
        ends[..fields].iter().map(&mut field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        Splitter::new(Separator::of(line)).split(line)
    }

    #[test]
    fn the_separator_is_found_outside_quotes() {
        assert_eq!(split("AAPL\t1"), ["AAPL", "1"]);
        assert_eq!(split("AAPL;1,5"), ["AAPL", "1,5"]);
        assert_eq!(split("AAPL|1"), ["AAPL", "1"]);
        assert_eq!(split("\"a; b\",AAPL,1"), ["a; b", "AAPL", "1"]);
        assert_eq!(split("\"say \"\"a;b\"\"\",1"), ["say \"a;b\"", "1"]);
        assert_eq!(split("5\" pipe,1"), ["5\" pipe", "1"]);
        assert_eq!(split("AAPL"), ["AAPL"]);
        assert_eq!(split("\tAAPL\t"), ["", "AAPL", ""]);
    }

    #[test]
    fn a_first_line_may_say_the_separator() {
        for (line, separator) in [
            ("sep=;", b';'),
            ("SEP=,", b','),
            ("\"sep=|\"", b'|'),
            ("sep=\t", b'\t'),
        ] {
            assert_eq!(
                Separator::of_sep_line(line),
                Some(Separator(Some(separator))),
                "{line}"
            );
        }
        for line in ["sep", "sepal;1", "é=;", "sep=;;", "stock,price"] {
            assert_eq!(Separator::of_sep_line(line), None, "{line}");
        }
    }
}
