//! What each page of a finished book says in its head: what the browser may load and run for it, which
//! version of its text it is, and what takes the place of a storage that the browser refuses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::named::{SOURCE, html_of};

/// What stands between two chapters of the page for printing.
const SHEET: &str = "<div style=\"break-before: page; page-break-before: always;\"></div>";

/// What a page may load, by kind. A page that needs more adds it here; scripts and styles that stand in a
/// page are added by their hash.
const POLICY: [(&str, &str); 7] = [
    ("default-src", "'self'"),
    ("script-src", "'self'"),
    ("style-src", "'self'"),
    ("img-src", "'self' data:"),
    ("object-src", "'none'"),
    ("base-uri", "'self'"),
    ("form-action", "'none'"),
];

/// mdBook's styles that stand in a tag. A policy without `unsafe-inline` does not apply them, so they become
/// classes of book.css.
const STYLES: [(&str, &str); 5] = [
    (" style=\"clear: both\"", " class=\"below\""),
    (" style=\"text-align: right\"", " class=\"to-the-right\""),
    (" style=\"text-align: center\"", " class=\"to-the-middle\""),
    (" style=\"text-align: left\"", ""),
    (
        " style=\"break-before: page; page-break-before: always;\"",
        " class=\"new-sheet\"",
    ),
];

/// Completes each page in a folder and in its folders.
///
/// # Errors
/// A page cannot be read or written, or has a script in its text.
pub fn finish(site: &Path) -> Result<()> {
    for entry in fs::read_dir(site)? {
        let path = entry?.path();
        if path.is_dir() {
            finish(&path)?;
        } else if path.extension().is_some_and(|ending| ending == "html") {
            let mut html = fs::read_to_string(&path)?;
            if path.ends_with("print.html") {
                html = without_sources(&html);
            }
            let html = finished(&html).with_context(|| path.display().to_string())?;
            fs::write(&path, html)?;
        }
    }
    Ok(())
}

fn finished(html: &str) -> Result<String> {
    let mut html = html.to_owned();
    for (style, class) in STYLES {
        html = html.replace(style, class);
    }
    let main = between(&html, "<main>", "</main>")
        .next()
        .unwrap_or_default();
    // A script in a page's text would get a hash and would run: ours are files, and mdBook's stand
    // around the text.
    let has_text = html.contains("id=\"mdbook-content\"");
    ensure!(
        !(has_text && main.contains("<script")),
        "the page has a script in its text"
    );
    // Before mdBook's first script, which looks at the storage.
    let charset = html.to_lowercase().find("<meta charset=");
    let charset = charset.context("the page has no <meta charset>")?;
    let version = hash(main);
    if has_text {
        html.insert_str(
            charset,
            &format!("<script>{}</script>\n", include_str!("kept.js")),
        );
    }
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<meta name=\"version\" content=\"{}\">\n",
        policy(&html),
        version,
    );
    html.insert_str(charset, &head);
    Ok(html)
}

/// The page for printing with the lessons only: two thirds of it were the files that they name. A link to
/// one of those leads to its page.
fn without_sources(print: &str) -> String {
    let Some((chapters, end)) = print.rsplit_once("</main>") else {
        return print.to_owned();
    };
    let chapters: Vec<&str> = chapters.split(SHEET).collect();
    let (sources, lessons): (Vec<&str>, Vec<&str>) = chapters
        .into_iter()
        .partition(|chapter| chapter.contains(SOURCE));
    let mut print = lessons.join(SHEET);
    for source in sources {
        let heading = between(source, "<h1 id=\"", "</h1>").next();
        let parts = heading.and_then(|heading| {
            let (id, rest) = heading.split_once('"')?;
            Some((id, rest.strip_suffix("</a>")?.rsplit_once('>')?.1))
        });
        if let Some((id, file)) = parts {
            let (to, page) = (
                format!("href=\"#{id}\""),
                format!("href=\"{}\"", html_of(file)),
            );
            print = print.replace(&to, &page);
        }
    }
    print + "</main>" + end
}

/// The version of a page that [`finish`] has completed: a hash of its text.
pub fn version(html: &str) -> Option<&str> {
    between(html, "<meta name=\"version\" content=\"", "\">").next()
}

/// The policy of a page, with the hash of each script and style in it.
fn policy(html: &str) -> String {
    let directives = POLICY.map(|(kind, allowed)| {
        let texts: BTreeSet<String> = match kind {
            "script-src" => between(html, "<script>", "</script>").map(hash).collect(),
            "style-src" => between(html, "<style>", "</style>").map(hash).collect(),
            _ => BTreeSet::new(),
        };
        let hashes: String = texts
            .iter()
            .map(|hash| format!(" 'sha256-{hash}'"))
            .collect();
        format!("{kind} {allowed}{hashes}")
    });
    directives.join("; ")
}

fn hash(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text))
}

/// All texts between these two.
fn between<'a>(html: &'a str, begin: &str, end: &str) -> impl Iterator<Item = &'a str> {
    html.split(begin)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(end)?.0))
}
