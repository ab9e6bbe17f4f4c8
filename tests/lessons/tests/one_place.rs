//! What belongs to every program is in one place: a second copy would differ from it before long.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the crates, without `target`.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let (mut sources, mut folders) = (Vec::new(), vec![crates]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}

/// The files of `src` outside `crates/program` that hold this text.
fn holding(text: &str) -> Vec<PathBuf> {
    let is_source = |path: &PathBuf| {
        let path = path.to_string_lossy();
        path.contains("/src/") && !path.contains("/src/tests/") && !path.contains("crates/program/")
    };
    let holds = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(text);
    let sources: Vec<PathBuf> = sources().into_iter().filter(is_source).collect();
    assert!(sources.len() > 100, "the sources are elsewhere now");
    sources.into_iter().filter(holds).collect()
}

#[test]
fn every_program_learns_of_signals_from_the_crate_program() {
    let none: [PathBuf; 0] = [];
    assert_eq!(holding("tokio::signal"), none);
    assert_eq!(holding("ctrl_c()"), none);
}

#[test]
fn every_program_ends_cleanly_at_a_signal() {
    // What it starts ends with it, and it has nothing to say at its end.
    let without = ["workbench/src/main.rs"];
    let is_main = |path: &PathBuf| path.ends_with("src/main.rs");
    let mains: Vec<PathBuf> = sources().into_iter().filter(is_main).collect();
    assert!(mains.len() > 10, "the programs are elsewhere now");
    for main in mains {
        let text = fs::read_to_string(&main).unwrap();
        let waits = ["asked_to_end()", "Signals::", "Story {"].map(|wait| text.contains(wait));
        assert_eq!(
            waits.contains(&true),
            !without.iter().any(|without| main.ends_with(without)),
            "{}",
            main.display()
        );
    }
}

#[test]
fn no_client_of_a_server_on_this_machine_asks_a_proxy() {
    // With http_proxy set, each page of the rooms was 503: the router asked the proxy for its servers.
    let none: [PathBuf; 0] = [];
    assert_eq!(holding("reqwest::get("), none);
    assert_eq!(holding("Client::new()"), none);
    for client in holding("Client::builder()") {
        let text = fs::read_to_string(&client).unwrap();
        let clients = text.matches("Client::builder()").count();
        let without_proxy = text.matches(".no_proxy()").count();
        assert_eq!(clients, without_proxy, "{}", client.display());
    }
}

#[test]
fn every_server_accepts_and_answers_with_the_loop_of_the_crate_program() {
    let none: [PathBuf; 0] = [];
    assert_eq!(holding("axum::serve("), none);
}

#[test]
fn every_server_checks_a_pages_origin_with_the_crate_program() {
    let none: [PathBuf; 0] = [];
    assert_eq!(holding("x-forwarded-host"), none);
}

#[test]
fn every_program_reports_its_error_with_the_crate_program() {
    // A connection that is lost may break as well; what must not be judged twice is standard output.
    let main = |path: &PathBuf| path.ends_with("src/main.rs");
    let judging: Vec<PathBuf> = holding("BrokenPipe").into_iter().filter(main).collect();
    let none: [PathBuf; 0] = [];
    assert_eq!(judging, none);
}
