//! Pages 0 and 0b: each program runs, and prints what its page says.

use std::fs;

use lesson_tests::{example, run, workspace};

/// The programs of a page, and the page's text.
fn programs(page: &str) -> (Vec<String>, String) {
    let page = fs::read_to_string(workspace().join("lessons").join(page)).expect("a page");
    let quoted = page.split("file=crates/reading-rust/examples/").skip(1);
    let mut names: Vec<String> = quoted
        .filter_map(|rest| Some(rest.split_once(".rs")?.0.to_owned()))
        .collect();
    names.dedup();
    (names, page)
}

fn each_prints_what_is_said(page: &str) -> Vec<String> {
    let (names, text) = programs(page);
    for name in &names {
        let program = example("reading-rust", name).expect("cargo builds it");
        let output = run(&mut program.command(), "").expect("it runs");
        assert!(output.status.success(), "{name}: {}", output.stderr);
        let said = format!("\n```\n{}```\n", output.stdout);
        assert!(
            text.contains(&said),
            "{page} does not say that {name} prints\n{}",
            output.stdout
        );
    }
    names
}

#[test]
fn each_program_of_pages_0_and_0b_prints_what_its_page_says() {
    let mut named = each_prints_what_is_said("00-reading-rust.md");
    named.extend(each_prints_what_is_said("00b-reading-async-rust.md"));
    named.sort();
    let folder = fs::read_dir(workspace().join("crates/reading-rust/examples"));
    let files = folder
        .expect("the programs")
        .map(|file| file.expect("it can be listed"));
    let mut programs: Vec<String> = files
        .filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    programs.sort();
    assert_eq!(named, programs, "each program is quoted by a page");
}
