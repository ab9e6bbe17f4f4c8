//! Characters that other people's text must not put on a terminal.

/// Whether a character is invisible and may change how others are shown: a control character, an override
/// of the writing direction, a space without width. Two ids that differ only in such a character look the
/// same, and a name with an override reverses the rest of its line.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reverses_a_line_is_hidden_and_letters_of_every_language_are_not() {
        for c in [
            '\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{ad}',
        ] {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in [
            'a',
            ' ',
            '\u{e9}',
            '\u{301}',
            '\u{4e2d}',
            '\u{5d0}',
            '\u{1f600}',
        ] {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
