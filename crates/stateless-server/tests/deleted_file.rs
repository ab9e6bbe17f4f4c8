//! The example of lesson 1b prints what its page says.

// Elsewhere the system deletes no file that somebody has open.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "its main is the example's own")]
#[path = "../examples/deleted_file.rs"]
mod example;

use std::fs;
use std::path::Path;

/// The answer of the page's quiz.
const VERDICT: &str =
    "verdict: games inserted into a deleted file: 1 by the connection, 0 by the store";

#[tokio::test]
async fn a_plain_connection_inserts_into_a_deleted_file_and_the_store_refuses() {
    let mut printed = Vec::new();
    example::show(&mut printed).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(printed.lines().last().unwrap(), VERDICT);
    assert!(printed.lines().all(|line| line.len() <= 80), "{printed}");
    let lessons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons");
    let page = fs::read_to_string(lessons.join("01b-which-database.md")).unwrap();
    assert!(
        page.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
}
