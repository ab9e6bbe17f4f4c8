//! What a page says that a program prints, the program prints.
//!
//! A block of output stands right below the block with its command, or is folded there. The other crates' programs,
//! which need a database or servers, are held to their pages by tests of their own.

use std::fs;

use lesson_tests::{SMALL_CRATES, at_once, example, lessons, program, run};

#[test]
fn each_line_of_output_in_a_page_is_printed_by_the_command_above_it_in_that_order() {
    let mut compared = 0;
    for page in lessons() {
        let text = fs::read_to_string(&page).expect("a page can be read");
        for (command, output) in captured(&text) {
            let Some(printed) = printed_by(command) else {
                continue;
            };
            compared += 1;
            let mut lines = printed.lines();
            for line in output.lines().filter(|line| *line != "...") {
                assert!(
                    lines.any(|printed| printed == line),
                    "{}: `{command}` does not print {line:?}, but\n{printed}",
                    page.display()
                );
            }
        }
    }
    assert!(compared >= 4, "{compared}: does this test still read them?");
}

/// The last command of a block, and the block right below it.
fn captured(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split("```").collect();
    let is_command = |block: &str| block.starts_with("\ncargo ");
    let mut found = Vec::new();
    // Code stands at each odd place, and what is between two blocks at the even ones.
    for at in (1..parts.len().saturating_sub(2)).step_by(2) {
        let [block, between, output] = [parts[at], parts[at + 1], parts[at + 2]];
        let is_output = output.starts_with('\n') && !is_command(output);
        let between = between.trim();
        let is_below = between.is_empty()
            || between.starts_with("<details><summary>") && between.ends_with("</summary>");
        if is_command(block) && is_below && is_output {
            let command = block.trim().lines().last().unwrap_or_default();
            found.push((command, output.trim_matches('\n')));
        }
    }
    found
}

fn printed_by(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let (name, rest) = match words[..] {
        ["cargo", "run", "-p", name, ref rest @ ..] if SMALL_CRATES.contains(&name) => (name, rest),
        _ => return None,
    };
    let output = match rest {
        [] => {
            let program = program(name).expect("cargo builds it");
            run(program.command().args(at_once(name)), "")
        }
        ["--example", called, arguments @ ..] => {
            let example = example(name, called).expect("cargo builds it");
            run(example.command().args(arguments), "")
        }
        _ => return None,
    };
    Some(output.expect("it runs").stdout)
}
