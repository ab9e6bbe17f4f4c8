//! Lesson 10b: when a static is made, how it is changed, and that it is never dropped.

use std::fs;

use lesson_tests::{each_prints_what_is_said, examples_of, workspace};

const PAGE: &str = "10b-life-of-a-static.md";

#[test]
fn each_program_of_the_page_prints_what_the_page_says() {
    let named = each_prints_what_is_said(PAGE, "statics");
    let others = ["per_function", "per_runtime", "per_thread"].map(str::to_owned);
    let programs = examples_of("statics").into_iter();
    let programs: Vec<String> = programs.filter(|name| !others.contains(name)).collect();
    assert_eq!(named, programs, "each program is quoted by page 7b or 10b");
}

#[test]
fn the_compilers_words_about_static_mut_are_those_of_the_page() {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).expect("it is there");
    let page = read(&format!("lessons/{PAGE}"));
    let words = read("tests/compile-fail/ui/module-store/static-mut-reference.stderr");
    let is_quoted = |line: &&str| line.starts_with("error: ") || line.contains("#[deny(");
    let quoted: Vec<&str> = words.lines().filter(is_quoted).collect();
    assert_eq!(quoted.len(), 2, "{words}");
    let block = format!("\n```\n{}\n```\n", quoted.join("\n"));
    assert!(page.contains(&block), "{block}");
}
