//! The example of lesson 12a prints what its page says.

#![cfg(feature = "cli")]

#[allow(dead_code, reason = "its main is the example's own")]
#[path = "../examples/reload.rs"]
mod example;

use std::{fs, path::Path};

#[tokio::test(start_paused = true)]
async fn a_reload_sends_nothing_and_a_reload_during_a_restart_sends_one_subscribe() {
    let mut printed = Vec::new();
    example::reload(&mut printed).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    for line in printed.lines() {
        assert!(line.len() <= 80, "wider than a projector shows: {line:?}");
    }
    let steps: Vec<&str> = printed.split("\n    ").collect();
    let asked = |step: &str| steps.iter().filter(|line| line.contains(step)).count();
    assert_eq!(
        [
            asked("first user of APPL: subscribed"),
            asked("no user of APPL remains")
        ],
        [2, 1],
        "{printed}"
    );
    let lessons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons");
    let page = fs::read_to_string(lessons.join("12a-pubsub-manager.md")).unwrap();
    assert!(
        page.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
}
