//! The program prints what lesson 7b says.

use std::process::Command;

const PAGE: &str = include_str!("../../07b-one-per-what.md");

#[test]
fn a_copy_of_a_dynamic_library_has_statics_of_its_own() {
    // `cargo test` does not build the library, because nothing is linked with it. `cargo run` builds all.
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked"])
        .output();
    let output = output.expect("cargo runs");
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
