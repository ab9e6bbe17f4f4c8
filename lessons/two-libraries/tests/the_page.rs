//! The program prints what lesson 7b says.

use std::process::Command;

const PAGE: &str = include_str!("../../07b-one-per-what.md");

#[test]
fn a_copy_of_a_dynamic_library_has_statics_of_its_own() {
    let output = Command::new(env!("CARGO_BIN_EXE_two-libraries")).output();
    let output = output.expect("it was just built");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    let counts: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert_eq!(counts, ["1", "2", "1"]);
    assert!(
        PAGE.contains(&format!("\n```\n{printed}```\n")),
        "{printed}"
    );
}
