//! Text of other people on a terminal: what it may hold, and how wide it is.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character has no place of its own on a terminal and may do something to the others: a control
/// character, an override of the direction of writing, a blank of no width. An id with one looks like
/// another id, and a name with one turns the rest of its line round.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text in a cell of so many columns: cut with three dots, or filled up with blanks. A character of
/// Chinese is two columns wide, and an accent that stands on the letter before it has none.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let mut cell = match text.width() <= width {
        true => text.to_owned(),
        false => {
            let mut room = width - 3;
            let fits = text.chars().take_while(|c| {
                let left = room.checked_sub(c.width().unwrap_or(0));
                room = left.unwrap_or(0);
                left.is_some()
            });
            fits.collect::<String>() + "..."
        }
    };
    let missing = width.saturating_sub(cell.width());
    cell.extend(std::iter::repeat_n(' ', missing));
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_wide_as_it_should_be_whatever_the_text() {
        for (text, cell_of_8) in [
            ("", "        "),
            ("Morphy", "Morphy  "),
            ("Anderssen", "Ander..."),
            (
                "\u{4e2d}\u{56fd}\u{8c61}\u{68cb}",
                "\u{4e2d}\u{56fd}\u{8c61}\u{68cb}",
            ),
            ("\u{4e2d}\u{56fd}\u{8c61}\u{68cb}!", "\u{4e2d}\u{56fd}... "),
            ("Re\u{301}ti", "Re\u{301}ti    "),
        ] {
            assert_eq!(cell(text, 8), cell_of_8, "{text:?}");
        }
    }

    #[test]
    fn what_turns_a_line_round_is_hidden_and_letters_of_any_language_are_not() {
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
