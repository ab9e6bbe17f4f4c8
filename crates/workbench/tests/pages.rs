//! The pages may not drift from the checker: the stories and the figures in them are its own.

mod support;

use std::fs;

use support::{example, file, folder};

const PAGES: [(&str, &str); 6] = [
    ("moves", "w1-moves"),
    ("cache", "w2-cache"),
    ("rooms", "w3-rooms"),
    ("instance", "w4-instance"),
    ("relay", "w5-relay"),
    ("slow", "w6-slow"),
];

fn page(name: &str) -> String {
    let path = file("../../lessons").join(format!("{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_page_shows_the_story_that_breaks_its_first_server() {
    for (challenge, name) in PAGES {
        let run = example(challenge, &["--stories", "300"]);
        let (_, story) = run.stdout.split_once(":\n\n").expect("a story");
        let (story, _) = story.split_once("\n\nTo tell it again").expect("its end");
        assert!(
            page(name).contains(story),
            "{name}.md does not show:\n{story}"
        );
    }
}

#[test]
fn each_rule_of_a_story_leads_to_a_page_that_exists_and_no_page_of_a_challenge_shows_a_solution() {
    for (challenge, name) in PAGES {
        let run = example(challenge, &["--stories", "300"]);
        let (_, lesson) = run.stdout.split_once("lessons/").expect("a page to read");
        let (lesson, _) = lesson.split_once(".md").expect("a page to read");
        assert!(!page(lesson).is_empty());
        let right = file("tests/servers").join(format!("{challenge}.mjs"));
        let right = fs::read_to_string(right).expect("a right server");
        let body = right.split("serve(").next().unwrap_or_default();
        for line in body.lines().filter(|line| line.len() > 60) {
            let given = fs::read_to_string(file(&format!("typescript/{challenge}.ts")));
            let given = given.expect("a first server").contains(line.trim());
            assert!(given || !page(name).contains(line.trim()), "{name}: {line}");
        }
    }
}

#[test]
fn the_figures_of_the_pages_are_what_the_checker_draws() {
    for challenge in ["moves", "relay"] {
        let drawn = folder().join(format!("{challenge}.html"));
        let path = drawn.display().to_string();
        let run = example(challenge, &["--stories", "300", "--figure", &path]);
        assert_eq!(run.code, Some(1), "{run:?}");
        let figure = format!("../lessons/figures/workbench-{challenge}.html");
        let shown = fs::read_to_string(file(&figure)).expect("a figure of the book");
        let drawn = fs::read_to_string(drawn).expect("it was just drawn");
        assert_eq!(drawn, shown, "{figure}");
    }
}

#[test]
fn the_first_page_shows_what_the_smallest_server_gets() {
    let first = page("w0-workbench");
    for (_, name) in PAGES {
        assert!(first.contains(&format!("({name}.md)")), "{name}");
    }
    if support::has_node() {
        let silent = file("tests/servers/silent.mjs").display().to_string();
        let run = support::workbench(&["relay", "--", "node", &silent]);
        let (_, story) = run.stdout.split_once(":\n\n").expect("a story");
        let (story, _) = story.split_once("\n\nTo tell it again").expect("its end");
        assert!(first.contains(story), "{story}");
    }
}
