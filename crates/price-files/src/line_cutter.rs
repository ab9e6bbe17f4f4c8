//! Lines that end with CR, LF or CRLF: files of every system.

/// The longest line, in bytes. No price needs a tenth of it; a file without line ends would otherwise be
/// read into memory as a whole.
pub const MAX_LINE: usize = 1024;

/// Cuts bytes into lines, however the bytes arrive.
///
/// A line that ends with CR is whole as soon as the CR is there. Waiting for the byte after it, which may
/// be the LF of a CRLF, would hold the price of a program that writes a line and then pauses.
#[derive(Debug, Default)]
pub struct LineCutter {
    /// The line, at most one byte longer than [`MAX_LINE`]: that byte shows that it is too long.
    line: Vec<u8>,
    /// How many lines are whole.
    number: u64,
    /// The line was returned, so the next byte begins another one.
    is_returned: bool,
    /// The last byte was a CR: an LF after it ends no line of its own.
    is_after_cr: bool,
}

impl LineCutter {
    /// Takes bytes up to the end of a line. Returns how many were taken, and the line if it is whole,
    /// without its end.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, Option<&[u8]>) {
        if std::mem::take(&mut self.is_returned) {
            self.line.clear();
        }
        let skipped = usize::from(self.is_after_cr && bytes.first() == Some(&b'\n'));
        if !bytes.is_empty() {
            self.is_after_cr = false;
        }
        let bytes = &bytes[skipped..];
        let end = bytes.iter().position(is_line_end);
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let room = (MAX_LINE + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&text[..text.len().min(room)]);
        let Some(end) = end else {
            return (skipped + text.len(), None);
        };
        self.is_after_cr = bytes[end] == b'\r';
        (skipped + end + 1, Some(self.whole()))
    }

    /// The last line, if the bytes ended without a line end.
    pub fn finish(&mut self) -> Option<&[u8]> {
        if self.is_returned || self.line.is_empty() {
            return None;
        }
        Some(self.whole())
    }

    /// The number of the line that was returned last, counted from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether these bytes, which are the next ones, end a line.
    pub fn has_line_end(&self, bytes: &[u8]) -> bool {
        let skipped = usize::from(self.is_after_cr && bytes.first() == Some(&b'\n'));
        bytes[skipped..].iter().any(is_line_end)
    }

    fn whole(&mut self) -> &[u8] {
        self.number += 1;
        self.is_returned = true;
        &self.line
    }
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of a text that arrives in pieces of `at_once` bytes.
    fn lines(text: &[u8], at_once: usize) -> Vec<Vec<u8>> {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        for mut piece in text.chunks(at_once.max(1)) {
            while !piece.is_empty() {
                let (taken, line) = cutter.take(piece);
                lines.extend(line.map(<[u8]>::to_vec));
                piece = &piece[taken..];
            }
        }
        lines.extend(cutter.finish().map(<[u8]>::to_vec));
        lines
    }

    #[test]
    fn lines_end_with_cr_lf_or_crlf() {
        for text in [
            "a\rb\rc\r",
            "a\nb\nc\n",
            "a\r\nb\r\nc\r\n",
            "a\rb\nc",
            "a\r\nb\rc",
        ] {
            for at_once in 1..=text.len() {
                let expected = [b"a", b"b", b"c"].map(|line| line.to_vec());
                assert_eq!(
                    lines(text.as_bytes(), at_once),
                    expected,
                    "{text:?}, {at_once}"
                );
            }
        }
        assert_eq!(lines(b"a\n\nb", 9), [&b"a"[..], b"", b"b"]);
    }

    #[test]
    fn a_line_that_ends_with_cr_does_not_wait_for_the_byte_after_it() {
        let mut cutter = LineCutter::default();
        assert_eq!(cutter.take(b"a\r"), (2, Some(&b"a"[..])));
        assert!(
            !cutter.has_line_end(b"\n"),
            "it is the rest of the line's end"
        );
        assert!(cutter.has_line_end(b"\nb\r"));
        assert_eq!(cutter.take(b"\nb\r"), (3, Some(&b"b"[..])));
        assert_eq!((cutter.number(), cutter.finish()), (2, None));
    }

    #[test]
    fn of_a_line_without_an_end_no_more_is_kept_than_shows_that_it_is_too_long() {
        let mut cutter = LineCutter::default();
        for _ in 0..1_000 {
            assert_eq!(cutter.take(&[b'x'; 1_000]), (1_000, None));
        }
        assert!(cutter.line.capacity() < 8 * MAX_LINE);
        assert_eq!(cutter.finish().map(<[u8]>::len), Some(MAX_LINE + 1));
    }

    proptest! {
        #[test]
        fn a_text_has_the_same_lines_however_it_arrives(
            text in "[a\r\n]{0,40}",
            at_once in 1_usize..9,
        ) {
            prop_assert_eq!(lines(text.as_bytes(), at_once), lines(text.as_bytes(), 100));
        }
    }
}
