//! A cell of the table: a text of exactly as many columns as it should have.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text, cut with three dots or padded with blanks to `width` columns. A Chinese character is two
/// columns wide, and an accent that combines with the letter before it has no width.
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
}
