//! The words of the glossary: the first use of a word on a page leads to its row, from the lesson on in
//! which the word is met. A reader who opens a page in the middle of the course finds its words explained.

use std::fmt::Write as _;

use crate::page::Page;

/// The page whose tables list the words: name, meaning, and the lesson in which it is met.
const GLOSSARY: &str = "15-glossary.md";

/// A row of the glossary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Such as `broker`, or two that are explained together. Code has its backticks.
    pub names: Vec<String>,
    /// One sentence, as Markdown.
    pub meaning: String,
    /// The page's file, such as `12a-pubsub-manager.md`.
    pub met_in: String,
}

/// The rows of the glossary among these pages; none if there is no glossary.
pub fn words(pages: &[Page]) -> Vec<Word> {
    let glossary = pages.iter().find(|page| page.file == GLOSSARY);
    let lines = glossary.map_or("", |page| &page.text).lines();
    lines.filter_map(Word::of_row).collect()
}

impl Word {
    fn of_row(line: &str) -> Option<Self> {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let [names, meaning, lesson] = cells.split(" | ").collect::<Vec<_>>().try_into().ok()?;
        // The head of a table names no lesson.
        let (_, target) = lesson.split_once("](")?;
        let page = target.trim_end_matches(')').split('#').next()?;
        Some(Self {
            names: names.split(", ").map(str::to_owned).collect(),
            meaning: meaning.to_owned(),
            met_in: page.to_owned(),
        })
    }
}

/// The text of a page with its links to the glossary, or of the glossary with the places to link to.
pub fn linked(page: &Page, words: &[Word]) -> String {
    if page.file == GLOSSARY {
        return with_anchors(&page.text);
    }
    let known = words.iter().filter(|word| word.met_in <= page.file);
    let mut unused: Vec<(&str, &Word)> = known
        .flat_map(|word| word.names.iter().map(move |name| (name.as_str(), word)))
        .collect();
    let mut linked = String::with_capacity(page.text.len());
    let mut scanner = Scanner::default();
    for line in page.text.split_inclusive('\n') {
        if scanner.is_prose(line) {
            for piece in scanner.pieces(line) {
                linked.push_str(&with_first_uses(piece, &mut unused));
            }
        } else {
            linked.push_str(line);
        }
    }
    linked
}

fn with_anchors(glossary: &str) -> String {
    let mut anchored = String::with_capacity(glossary.len());
    for line in glossary.split_inclusive('\n') {
        match Word::of_row(line.trim_end()) {
            Some(word) => {
                let ids = word.names.iter().map(|name| anchor(name));
                let places: String = ids.map(|id| format!("<a id=\"{id}\"></a>")).collect();
                let _ = write!(anchored, "| {places}{}", &line[2..]);
            }
            None => anchored.push_str(line),
        }
    }
    anchored
}

/// `word-select` for `` `select!` ``.
fn anchor(name: &str) -> String {
    let letters = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' });
    format!("word-{}", letters.collect::<String>().trim_matches('-'))
}

/// A part of a line of prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// Words to look through.
    Text(&'a str),
    /// A code span with its backticks.
    Code(&'a str),
    /// A link or a tag, which stays as it is.
    Other(&'a str),
}

/// Knows between two lines whether a code block, a link or a code span is open.
#[derive(Debug, Default)]
struct Scanner {
    in_block: bool,
    in_link: bool,
    in_code: bool,
}

impl Scanner {
    fn is_prose(&mut self, line: &str) -> bool {
        let text = line.trim_start();
        if text.starts_with("```") {
            self.in_block = !self.in_block;
            return false;
        }
        if text.trim().is_empty() {
            // A paragraph ends, and what was not closed in it was no link.
            (self.in_link, self.in_code) = (false, false);
        }
        let is_other = text.starts_with(['#', '|']) || text.starts_with("<!--");
        !(self.in_block || is_other)
    }

    fn pieces<'a>(&mut self, line: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut rest = line;
        while !rest.is_empty() {
            let (piece, after) = self.next(rest);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }

    fn next<'a>(&mut self, rest: &'a str) -> (Piece<'a>, &'a str) {
        let up_to = |end: Option<usize>| rest.split_at(end.unwrap_or(rest.len()));
        if self.in_code {
            let end = rest.find('`').map(|at| at + 1);
            self.in_code = end.is_none();
            let (piece, after) = up_to(end);
            return (Piece::Other(piece), after);
        }
        if self.in_link {
            // `](target)` ends it; a bracket without a target was none.
            let end = rest.find(']').map(|at| match rest[at..].starts_with("](") {
                true => rest[at..].find(')').map_or(rest.len(), |to| at + to + 1),
                false => at + 1,
            });
            self.in_link = end.is_none();
            let (piece, after) = up_to(end);
            return (Piece::Other(piece), after);
        }
        match rest.find(['`', '[', '<']) {
            Some(0) => {}
            end => {
                let (piece, after) = up_to(end);
                return (Piece::Text(piece), after);
            }
        }
        let (piece, after) = match rest.as_bytes()[0] {
            b'`' => {
                let end = rest[1..].find('`').map(|at| at + 2);
                self.in_code = end.is_none();
                let (piece, after) = up_to(end);
                match end {
                    Some(_) => return (Piece::Code(piece), after),
                    None => (piece, after),
                }
            }
            b'[' => {
                self.in_link = true;
                up_to(Some(1))
            }
            _ => up_to(rest.find('>').map(|at| at + 1)),
        };
        (Piece::Other(piece), after)
    }
}

/// A piece in which each word that was not used before is a link. A used word is taken from the list.
fn with_first_uses(piece: Piece<'_>, unused: &mut Vec<(&str, &Word)>) -> String {
    match piece {
        Piece::Other(text) => text.to_owned(),
        Piece::Code(code) => match unused.iter().position(|(name, _)| *name == code) {
            Some(at) => link(unused.remove(at), code),
            None => code.to_owned(),
        },
        Piece::Text(text) => {
            let first = (0..unused.len())
                .filter_map(|at| Some((find(text, unused[at].0)?, at)))
                .min_by_key(|((start, end), _)| (*start, std::cmp::Reverse(*end)));
            let Some(((start, end), at)) = first else {
                return text.to_owned();
            };
            let word = unused.remove(at);
            let rest = with_first_uses(Piece::Text(&text[end..]), unused);
            format!("{}{}{rest}", &text[..start], link(word, &text[start..end]))
        }
    }
}

/// Where a word stands in a text by itself, alone or in the plural, in a sentence or at its start.
fn find(text: &str, name: &str) -> Option<(usize, usize)> {
    let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let first = name.chars().next()?;
    let found = text.match_indices(&name[first.len_utf8()..]);
    found
        .filter_map(|(rest, tail)| {
            let start = text[..rest].char_indices().next_back()?;
            let end = rest + tail.len();
            (start.1.to_ascii_lowercase() == first).then_some((start.0, end))
        })
        .map(|(start, end)| (start, end + usize::from(text[end..].starts_with('s'))))
        .find(|(start, end)| {
            !text[..*start].ends_with(is_inside) && !text[*end..].starts_with(is_inside)
        })
}

fn link((name, word): (&str, &Word), text: &str) -> String {
    let meaning = word.meaning.replace(['*', '`'], "");
    let meaning = meaning
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    let glossary = GLOSSARY.replace(".md", ".html");
    let anchor = anchor(name);
    format!("<a class=\"word\" href=\"{glossary}#{anchor}\" title=\"{meaning}\">{text}</a>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(file: &str, text: &str) -> Page {
        Page {
            file: file.to_owned(),
            title: String::new(),
            minutes: 1,
            is_core: true,
            text: text.to_owned(),
        }
    }

    fn glossary() -> Vec<Word> {
        let rows = "| word | meaning | lesson |\n|---|---|---|\n\
                    | `Arc` | a pointer that \"counts\" | [0](00-reading-rust.md) |\n\
                    | broker | carries *messages* | [12a](12a-pubsub-manager.md#why) |\n\
                    | live, stale | prices come | [12c](12c-real-redis.md) |\n";
        words(&[page(GLOSSARY, rows)])
    }

    const BROKER: &str =
        "<a class=\"word\" href=\"15-glossary.html#word-broker\" title=\"carries messages\">";

    #[test]
    fn the_first_use_of_a_word_is_a_link_and_the_second_is_not() {
        let page = page("13a-one.md", "Brokers differ. A broker answers.\n");
        let linked = linked(&page, &glossary());
        assert_eq!(
            linked,
            format!("{BROKER}Brokers</a> differ. A broker answers.\n")
        );
    }

    #[test]
    fn a_word_is_no_link_before_the_lesson_in_which_it_is_met() {
        let text = "A live game, a broker.\n";
        assert_eq!(linked(&page("03-live.md", text), &glossary()), text);
    }

    #[test]
    fn code_headings_tables_links_and_tags_stay_as_they_are() {
        let text = "# A broker\n\n| broker |\n\n[a\nbroker](x.md) `a broker` <b title=\"broker\">\n\n\
                    ```\na broker\n```\nBROKER\n\n   ```diff\n-a broker\n   ```\nbroker-like, `a\nbroker`\n";
        assert_eq!(linked(&page("13a-one.md", text), &glossary()), text);
    }

    #[test]
    fn a_word_that_is_code_is_a_link_round_its_code() {
        let linked = linked(&page("01-one.md", "An `Arc` counts; Arc.\n"), &glossary());
        assert!(
            linked.starts_with("An <a class=\"word\" href=\"15-glossary.html#word-Arc\""),
            "{linked}"
        );
        assert!(linked.contains("&quot;counts&quot;\">`Arc`</a> counts; Arc."));
    }

    #[test]
    fn each_name_in_the_glossary_has_a_place_to_link_to() {
        let row = "| live, stale | prices come | [12c](12c-real-redis.md) |\n";
        let anchored = linked(&page(GLOSSARY, row), &[]);
        assert_eq!(
            anchored,
            "| <a id=\"word-live\"></a><a id=\"word-stale\"></a>live, stale | prices come | [12c](12c-real-redis.md) |\n"
        );
    }
}
