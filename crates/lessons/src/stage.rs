//! What is done to a page before mdBook sees it: links to the code lead to a page with that file, a
//! quotation names its file, TypeScript stands beside the Rust that follows it, `<!-- diff one other -->`
//! becomes what differs, and `<!-- figure NAME -->` a figure in steps instead of the drawing that follows.
//!
//! The pages are staged into a folder of their own, because mdBook copies every file of its source
//! folder that is no page into the book.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::iter::Peekable;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::diff;
use crate::exercise;
use crate::fence::{at_the_margin, is_drawn};
use crate::named::{self, html_of, is_picture, page_of};
use crate::page::Page;
use crate::quiz;
use crate::words;

/// Writes the pages, the files that they name, and the summary into a folder.
///
/// # Errors
/// A page names a file that is not there, or something cannot be written.
pub fn stage(workspace: &Path, pages: &[Page], into: &Path) -> Result<()> {
    let mut files = BTreeSet::new();
    let words = words::words(pages);
    let exercises = exercise::exercises(workspace)?;
    for page in pages {
        let text = words::linked(page, &words);
        let text = staged(workspace, &page.file, &text, &mut files)?;
        let questions = quiz::questions(workspace, &page.file)?.unwrap_or_default();
        files.extend(questions.iter().filter_map(|one| one.program.clone()));
        let text = quiz::added(text, &page.file, &questions)?;
        let text = exercise::added(text, &page.file, &exercises);
        fs::write(into.join(&page.file), text)?;
    }
    for file in &files {
        named::write(workspace, file, into)?;
    }
    fs::write(into.join("SUMMARY.md"), summary(pages, &files))?;
    Ok(())
}

/// Made from the pages' own heads, so that none can be forgotten.
fn summary(pages: &[Page], named: &BTreeSet<String>) -> String {
    let mut summary = "# Where does the state live?\n\n".to_owned();
    for Page { title, file, .. } in pages {
        // The number is in the title; mdBook's own would be a second one.
        let _ = writeln!(summary, "[{title}]({file})");
    }
    summary.push_str("\n---\n\n- [The files that the pages name]()\n");
    for file in named.iter().filter(|file| !is_picture(file)) {
        let _ = writeln!(summary, "  - [{file}]({})", page_of(file));
    }
    summary
}

/// A page for mdBook: one pass over its lines, with an arm for each kind of line.
///
/// It is long and deep because the kind of a line depends on the lines before it, and the arms for code take
/// further lines from the same iterator.
fn staged(
    workspace: &Path,
    page: &str,
    text: &str,
    named: &mut BTreeSet<String>,
) -> Result<String> {
    let mut staged = String::new();
    let mut in_code = false;
    let mut column = Column::None;
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        let at = || format!("lessons/{page}:{number}");
        // A change that the reader is asked to try stands in a list.
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        if let Some(fence) = rest.strip_prefix("```") {
            in_code = !in_code;
            if let Some((language, quoted)) = fence.split_once(" file=") {
                // What a change leads to is for the test.
                let file = quoted.split(' ').next().unwrap_or(quoted);
                named.insert(file.to_owned());
                if language == "ts" && rust_follows(lines.clone().map(|(line, _)| line)) {
                    column = Column::TypeScript;
                    staged.push_str("<div class=\"beside\">\n<div>\n\n");
                }
                let link = html_of(file);
                let _ = write!(
                    staged,
                    "{indent}<p class=\"file\"><a href=\"{link}\">{file}</a></p>\n\n{indent}```{language}\n"
                );
                // A change stays as it is: the page sends it as it is written, to be tried.
                if language != "diff" {
                    let body = body(&mut lines, indent);
                    for line in at_the_margin(&body) {
                        let _ = writeln!(staged, "{indent}{line}");
                    }
                }
                continue;
            }
            if !in_code {
                let _ = write!(staged, "{indent}```\n{}", column.end());
                column = column.next();
                continue;
            }
            if fence.is_empty() {
                let body = body(&mut lines, indent);
                let kind = match is_drawn(&body) {
                    true => "",
                    false => "text,output",
                };
                let _ = writeln!(staged, "{indent}```{kind}");
                for line in body {
                    let _ = writeln!(staged, "{indent}{line}");
                }
                continue;
            }
        } else if !in_code && line.starts_with("<!-- ") {
            staged.push_str(&directive(workspace, line).with_context(at)?);
            if line.starts_with("<!-- figure ") {
                // A drawing that follows says the same, for who reads the page without the book.
                while lines.next_if(|(line, _)| line.is_empty()).is_some() {}
                if lines.next_if(|(line, _)| *line == "```").is_some() {
                    while lines.next_if(|(line, _)| *line != "```").is_some() {}
                    lines.next();
                }
                staged.push('\n');
            }
            continue;
        } else if !in_code {
            staged.push_str(&with_links(workspace, line, named).with_context(at)?);
            staged.push('\n');
            continue;
        }
        staged.push_str(line);
        staged.push('\n');
    }
    Ok(staged)
}

/// The lines up to the end of a block of code, without the indent of a list.
fn body<'a>(
    lines: &mut Peekable<impl Iterator<Item = (&'a str, usize)>>,
    indent: &str,
) -> Vec<&'a str> {
    let mut body = Vec::new();
    while let Some((line, _)) = lines.next_if(|(line, _)| !line.trim_start().starts_with("```")) {
        body.push(line.strip_prefix(indent).unwrap_or(line));
    }
    body
}

/// Where a quotation stands: across the page, or in one of two columns.
#[derive(Clone, Copy)]
enum Column {
    None,
    TypeScript,
    Rust,
}

impl Column {
    /// What stands after a quotation that ends here. mdBook reads Markdown in a `div` again after an
    /// empty line.
    fn end(self) -> &'static str {
        match self {
            Self::None => "",
            Self::TypeScript => "\n</div>\n<div>\n\n",
            Self::Rust => "\n</div>\n</div>\n",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::TypeScript => Self::Rust,
            Self::None | Self::Rust => Self::None,
        }
    }
}

/// Whether a quotation from Rust stands right below the one that these lines begin in.
fn rust_follows<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    lines
        .skip_while(|line| *line != "```")
        .skip(1)
        .find(|line| !line.is_empty())
        .is_some_and(|line| line.starts_with("```rust file="))
}

/// Links to files outside of `lessons/`, led to the pages with those files.
fn with_links(workspace: &Path, line: &str, named: &mut BTreeSet<String>) -> Result<String> {
    let mut parts = line.split("](");
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((target, rest)) = part.split_once(')') else {
            bail!("a link does not end: {part}");
        };
        let path = target.split('#').next().unwrap_or_default();
        if path == "../README.md" {
            // The table of the lessons, which the book has beside each page.
            let _ = write!(linked, "](index.html){rest}");
            continue;
        }
        let file = match path.strip_prefix("../") {
            Some(file) => file.trim_end_matches('/').to_owned(),
            None if ["exercises/", "typescript/"]
                .iter()
                .any(|folder| path.starts_with(folder)) =>
            {
                format!("lessons/{path}")
            }
            None => {
                let _ = write!(linked, "]({target}){rest}");
                continue;
            }
        };
        if !workspace.join(&file).exists() {
            bail!("the link to {target} leads nowhere");
        }
        let _ = write!(linked, "]({}){rest}", page_of(&file));
        named.insert(file);
    }
    Ok(linked)
}

fn directive(workspace: &Path, line: &str) -> Result<String> {
    let words = line.trim_start_matches("<!-- ").trim_end_matches(" -->");
    match words.split(' ').collect::<Vec<_>>()[..] {
        ["diff", one, other] => {
            let differs = diff::of_crates(workspace, one, other)?;
            Ok(format!(
                "What differs between `{one}` and `{other}`, without the comments:\n\n```diff\n{differs}```\n\n"
            ))
        }
        // The served page puts its box there; without a server the element stays empty.
        ["check", ref crates @ ..] if !crates.is_empty() => {
            for krate in crates {
                let cases = workspace.join("tests/compile-fail/ui").join(krate);
                ensure!(
                    cases.is_dir(),
                    "{krate} has no case in tests/compile-fail/ui"
                );
            }
            Ok("<div class=\"check\"></div>\n".to_owned())
        }
        // Likewise an editor with the first server of a challenge.
        ["challenge", name] => {
            let first = format!("crates/workbench/typescript/{name}.ts");
            ensure!(workspace.join(&first).is_file(), "there is no {first}");
            Ok(format!(
                "<div class=\"challenge\" data-challenge=\"{name}\"></div>\n"
            ))
        }
        ["figure", name] => {
            let file = workspace.join(format!("crates/lessons/figures/{name}.html"));
            let figure = fs::read_to_string(&file);
            Ok(figure.with_context(|| format!("there is no figure {}", file.display()))?)
        }
        _ => bail!(
            "{line} is not understood; write <!-- diff bad-game singleton-game -->, <!-- check singleton-game -->, <!-- challenge relay --> or <!-- figure any-server -->"
        ),
    }
}
