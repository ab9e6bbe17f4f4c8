//! The text of a line, in whichever of the two usual encodings it is.

use std::borrow::Cow;

/// The characters of the bytes 0x80 to 0x9F in Windows-1252, where Latin-1 has none.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Decodes a line: UTF-8, or else Windows-1252, in which Excel still saves "CSV" in western Europe. There
/// a no-break space between thousands is the byte 0xA0.
pub(crate) fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => text.into(),
        Err(_) => line.iter().map(|byte| windows(*byte)).collect(),
    }
}

fn windows(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excel_saves_in_western_europe_is_read_as_it_was_typed() {
        assert_eq!(decode("Schlusskurs €".as_bytes()), "Schlusskurs €");
        assert_eq!(decode(b"Er\xf6ffnung \x80"), "Eröffnung €");
        assert_eq!(decode(b"1\xa0234,50"), "1\u{a0}234,50");
    }
}
