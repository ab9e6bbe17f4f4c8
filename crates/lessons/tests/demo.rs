//! The walk through all demonstrations.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;

use lessons::demo::{Ended, Step, steps, walk};
use lessons::page::{pages, workspace};

fn step(name: &str, ends: bool) -> Step {
    Step {
        title: name.to_owned(),
        arguments: vec!["run".to_owned(), "-p".to_owned(), name.to_owned()],
        ends,
    }
}

/// What was run, what was printed, and how the walk ended.
async fn walked(enters: Option<usize>, ended: Ended) -> (Vec<String>, String, Result<(), String>) {
    let steps = [step("one", true), step("server", false), step("two", true)];
    let (ran, mut out) = (RefCell::new(Vec::new()), Vec::new());
    let mut left = enters.unwrap_or(0);
    let press = async move || {
        left = left.wrapping_sub(1);
        left != usize::MAX
    };
    let enter = enters.is_some().then_some(press);
    let run = async |step: &Step| {
        ran.borrow_mut().push(step.title.clone());
        Ok(ended)
    };
    let result = walk(&mut out, &steps, enter, run).await;
    let result = result.map_err(|error| error.to_string());
    (ran.into_inner(), String::from_utf8(out).unwrap(), result)
}

#[test]
fn every_lesson_has_a_demonstration_and_each_command_is_shown_once() {
    let pages = pages(&workspace()).unwrap();
    let steps = steps(&pages);
    for page in &pages {
        let shown = steps.iter().any(|step| step.title == page.title);
        // 0, 0b and the glossary are about no program.
        let has_none = [
            "00-reading-rust.md",
            "00b-reading-async-rust.md",
            // It measures release builds.
            "13d-a-million.md",
            "15-glossary.md",
            "16-wire-protocol.md",
        ];
        assert!(
            // The workbench's first servers fail.
            shown || page.file.starts_with('w') || has_none.contains(&page.file.as_str()),
            "{}",
            page.file
        );
    }
    for step in &steps {
        assert_eq!(step.arguments[..2], ["run", "-p"], "{step:?}");
        let package = workspace().join("crates").join(&step.arguments[2]);
        assert!(package.is_dir(), "{step:?}");
        assert!(
            step.arguments
                .iter()
                .all(|word| !word.is_empty() && word != "#"),
            "{step:?}"
        );
    }
    let endless = steps.iter().filter(|step| !step.ends);
    let endless: Vec<&str> = endless.map(|step| &*step.arguments[2]).collect();
    let expected = ["pubsub-manager", "stock-feed", "stock-feed", "stock-feed"];
    assert_eq!(endless, expected);
}

#[tokio::test]
async fn each_waits_for_enter_and_the_walk_ends_where_no_more_is_wanted() {
    let (ran, shown, ended) = walked(Some(2), Ended::Well).await;
    assert_eq!(ran, ["one", "server"]);
    assert!(
        shown.contains("[3 of 3] two\ncargo run -p two\n"),
        "{shown}"
    );
    assert!(
        shown.contains("cargo run -p server   (until Ctrl-C)"),
        "{shown}"
    );
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn by_itself_it_leaves_out_what_does_not_end() {
    let (ran, shown, ended) = walked(None, Ended::Well).await;
    assert_eq!(ran, ["one", "two"]);
    assert!(shown.contains("left out"), "{shown}");
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn ctrl_c_ends_one_demonstration_or_the_walk_that_waits_for_nobody() {
    let (ran, _, ended) = walked(Some(3), Ended::Interrupted).await;
    assert_eq!((ran.len(), ended), (3, Ok(())));
    let (ran, _, ended) = walked(None, Ended::Interrupted).await;
    assert_eq!((ran.len(), ended), (1, Ok(())));
}

#[tokio::test]
async fn a_demonstration_that_fails_is_named_and_the_others_are_shown() {
    let (ran, _, ended) = walked(None, Ended::Badly).await;
    assert_eq!(ran, ["one", "two"]);
    let says = "it failed: cargo run -p one, cargo run -p two";
    assert_eq!(ended, Err(says.to_owned()));
}
