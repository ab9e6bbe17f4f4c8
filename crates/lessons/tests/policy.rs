//! What the browser may run for a page of the book: each page says so, and says so of all its scripts.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lessons::book::build;
use lessons::page::workspace;
use sha2::{Digest, Sha256};

fn html_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => files.extend(html_files(&path)),
            Some(ending) if ending == "html" => files.push(path),
            _ => {}
        }
    }
    files
}

/// The tags of a page. What a page quotes is escaped, so that all of these are the browser's.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default())
}

/// Each script or style of a page that stands in it, with the directive that allows it.
fn inline(html: &str) -> Vec<(&'static str, &str)> {
    let mut found = Vec::new();
    for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
        let (begin, end) = (format!("<{tag}"), format!("</{tag}>"));
        for rest in html.split(&begin).skip(1) {
            let (attributes, text) = rest.split_once('>').unwrap();
            if !attributes.contains("src=") {
                found.push((directive, text.split(&end).next().unwrap()));
            }
        }
    }
    found
}

#[test]
fn every_page_allows_its_own_scripts_and_styles_by_hash_and_no_others() {
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    let files = html_files(site.path());
    assert!(files.len() > 100, "{} pages", files.len());
    for file in files {
        let html = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(site.path()).unwrap().display();
        let begin = "<meta http-equiv=\"Content-Security-Policy\" content=\"";
        let (_, rest) = html
            .split_once(begin)
            .unwrap_or_else(|| panic!("{name} has no policy"));
        let policy = rest.split('"').next().unwrap();
        assert!(!policy.contains("unsafe"), "{name}: {policy}");
        let directive = |kind: &str| {
            let directives = policy.split("; ");
            let found = directives.filter(|one| one.split(' ').next() == Some(kind));
            let [one] = found.collect::<Vec<_>>()[..] else {
                panic!("{name} needs one {kind}: {policy}");
            };
            one
        };
        assert_eq!(directive("default-src"), "default-src 'self'", "{name}");
        assert_eq!(directive("object-src"), "object-src 'none'", "{name}");
        for (kind, text) in inline(&html) {
            let hash = BASE64_STANDARD.encode(Sha256::digest(text));
            let allows = directive(kind).contains(&format!("'sha256-{hash}'"));
            assert!(allows, "{name}: {kind} does not allow {text}");
        }
        for tag in tags(&html) {
            // A style in a tag would not be applied, and a handler not be run.
            let attributes = tag.split('"').step_by(2).flat_map(str::split_whitespace);
            for attribute in attributes.skip(1) {
                let refused = attribute == "style=" || attribute.starts_with("on");
                assert!(!(refused && attribute.ends_with('=')), "{name}: <{tag}>");
            }
        }
    }
}

#[test]
fn a_page_with_a_script_in_its_text_is_refused() {
    let (workspace, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(workspace.path().join("lessons")).unwrap();
    let text = "# 1. One\n\n5 minutes · core\n\n<script>alert(1)</script>\n";
    fs::write(workspace.path().join("lessons/01-one.md"), text).unwrap();
    let refused = build(workspace.path(), site.path()).unwrap_err();
    let refused = format!("{refused:#}");
    assert!(
        refused.contains("01-one.html: the page has a script"),
        "{refused}"
    );
}
