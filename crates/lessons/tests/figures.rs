//! Each figure is whole: a drawing with its description, and sentences whose steps name what is drawn.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;

use lessons::folder::visible;
use lessons::page::{pages, workspace};

/// Each figure's name and text.
fn figures() -> Vec<(String, String)> {
    let folder = workspace().join("crates/lessons/figures");
    let files = visible(&folder).unwrap().into_iter();
    let figure = |file: std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(file).unwrap())
    };
    files.map(figure).collect()
}

/// The values of an attribute, one after the other.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begins = format!(" {attribute}=\"");
    let parts = html.split(begins.as_str()).skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

/// What a step names: parts, and the two ends of a wire. See the head of figure.js.
fn named(step: &str) -> (Vec<&str>, Vec<(&str, &str)>) {
    let (mut parts, mut wires) = (Vec::new(), Vec::new());
    let mut rest = step.trim_matches([' ', ',']);
    while !rest.is_empty() {
        let is_name = |c: char| c.is_alphanumeric() || c == '-';
        if let Some(part) = rest.strip_prefix(['+', '-', '*']) {
            let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
            parts.push(&part[..end]);
            rest = &part[end..];
        } else {
            let middle = rest
                .find(['>', ':'])
                .unwrap_or_else(|| panic!("{rest:?} in {step:?}"));
            let to = &rest[middle + 1..];
            let end = to.find(|c| !is_name(c)).unwrap_or(to.len());
            wires.push((&rest[..middle], &to[..end]));
            rest = &to[end..];
            if rest.starts_with('(') {
                let end = rest
                    .find(')')
                    .unwrap_or_else(|| panic!("{rest:?} in {step:?}"));
                rest = &rest[end + 1..];
            }
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    (parts, wires)
}

/// The pages that show a figure.
fn pages_with(name: &str) -> String {
    let comment = format!("<!-- figure {name} -->");
    let pages = pages(&workspace()).unwrap().into_iter();
    let pages = pages.filter(|page| page.text.contains(&comment));
    pages.map(|page| page.file).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_figure_has_a_description_and_steps_that_name_what_is_drawn() {
    for (name, figure) in figures() {
        assert!(figure.contains("<figcaption>"), "{name} has no caption");
        assert!(
            !figure.trim().contains("\n\n"),
            "{name}: an empty line ends the block in Markdown"
        );
        let [description] = values(&figure, "aria-label")[..] else {
            panic!("{name} needs one aria-label");
        };
        assert!(
            description.len() > 20,
            "{name}: {description:?} describes nothing"
        );
        let parts: BTreeSet<&str> = values(&figure, "data-part").into_iter().collect();
        let wires: BTreeSet<&str> = values(&figure, "data-wire").into_iter().collect();
        let steps = values(&figure, "data-do");
        assert!(steps.len() >= 3, "{name} has {} steps", steps.len());
        assert_eq!(steps.len(), figure.matches("<li ").count(), "{name}");
        // A sentence that is lost leaves a whole story behind, and not the one that was told.
        assert_eq!(
            values(&figure, "data-steps"),
            [steps.len().to_string()],
            "{name} in {}: the number of its steps",
            pages_with(&name)
        );
        for step in steps {
            let (named_parts, named_wires) = named(step);
            for part in named_parts {
                assert!(parts.contains(part), "{name}: no part {part:?} is drawn");
            }
            for (from, to) in named_wires {
                let (one, other) = (format!("{from} {to}"), format!("{to} {from}"));
                let is_drawn = wires.contains(one.as_str()) || wires.contains(other.as_str());
                assert!(is_drawn, "{name}: no wire from {from} to {to} is drawn");
            }
        }
    }
}

#[test]
fn every_figure_stands_in_a_page() {
    let pages = pages(&workspace()).unwrap();
    for (name, _) in figures() {
        let comment = format!("<!-- figure {name} -->");
        let is_used = pages.iter().any(|page| page.text.contains(&comment));
        assert!(is_used, "no page has {comment}");
    }
}
