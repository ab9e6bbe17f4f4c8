//! The lines of a block of code, as the book shows them.

/// The lines without the spaces that all of them begin with: a quotation from inside of a function stands
/// at the margin, so that more of it is seen.
pub(crate) fn at_the_margin<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let texts = lines.iter().filter(|line| !line.trim().is_empty());
    let depth = texts.map(|line| line.len() - line.trim_start_matches(' ').len());
    let depth = depth.min().unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(depth..).unwrap_or_default())
        .collect()
}

/// Whether these lines are a drawing or a table, which a line break in a row would spoil. A command and
/// what a program prints are read on in the next row.
pub(crate) fn is_drawn(lines: &[&str]) -> bool {
    lines.iter().any(|line| {
        let is_stroke = |c: char| ('\u{2500}'..='\u{257f}').contains(&c) || "←→↑↓".contains(c);
        let text = line.trim_start();
        text.contains("    ") || text.starts_with(['|', '\\', '/']) || line.contains(is_stroke)
    })
}
