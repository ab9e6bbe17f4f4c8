//! Pages 0 and 0b: each program runs, and prints what its page says.

use lesson_tests::{each_prints_what_is_said, examples_of};

#[test]
fn each_program_of_pages_0_and_0b_prints_what_its_page_says() {
    let mut named = each_prints_what_is_said("00-reading-rust.md", "reading-rust");
    named.extend(each_prints_what_is_said(
        "00b-reading-async-rust.md",
        "reading-rust",
    ));
    named.sort();
    let programs = examples_of("reading-rust");
    assert_eq!(named, programs, "each program is quoted by a page");
}
