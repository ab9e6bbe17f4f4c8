//! The example of lesson 12b prints what its page says.

#![cfg(feature = "cli")]

#[allow(dead_code, reason = "its main is the example's own")]
#[path = "../examples/start_can_fail.rs"]
mod example;

use std::{fs, path::Path};

#[test]
fn a_start_that_failed_is_tried_again_and_one_that_did_not_is_the_only_one() {
    let mut printed = Vec::new();
    example::start(&mut printed).unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let lessons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons");
    let page = fs::read_to_string(lessons.join("12b-start-can-fail.md")).unwrap();
    assert!(
        page.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
}
