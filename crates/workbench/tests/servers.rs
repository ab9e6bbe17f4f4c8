//! The checker is checked with servers in plain JavaScript: the right ones hold, and each wrong one fails
//! with its rule, in a story that is short enough to be read.

mod support;

use support::{file, has_node, workbench};

/// A wrong server, the level at which it fails, the most steps that its story may have, and its rule.
const WRONG: [(&str, u32, usize, &str); 10] = [
    ("relay-confirmed", 2, 4, "every user has the newest price"),
    (
        "moves-refused",
        2,
        3,
        "after the reply `played: false` another move",
    ),
    ("moves-next", 1, 2, "after the reply `played: true`"),
    ("cache-none", 1, 2, "while a copy is good"),
    ("rooms-append", 1, 4, "a move is stored as the number"),
    (
        "rooms-waits",
        1,
        2,
        "in the end every user has seen the whole game",
    ),
    (
        "instance-read-and-write",
        2,
        3,
        "a game that was added is counted",
    ),
    ("instance-number", 2, 3, "a game is counted once"),
    ("instance-outside", 1, 1, "a game that was added is counted"),
    ("slow-counted", 2, 5, "a user whose socket is writable"),
];

const RIGHT: [&str; 9] = [
    "relay",
    "relay-answers",
    "relay-first-and-last",
    "relay-timer",
    "moves",
    "cache",
    "rooms",
    "instance",
    "slow",
];

fn challenge(server: &str) -> &str {
    server.split('-').next().unwrap_or(server)
}

fn path(server: &str) -> String {
    let path = file("tests/servers").join(format!("{server}.mjs"));
    path.display().to_string()
}

#[test]
fn each_wrong_server_fails_at_its_level_with_its_rule_in_a_short_story() {
    if !has_node() {
        return;
    }
    for (server, level, most, rule) in WRONG {
        let path = path(server);
        let few = ["--stories", "300"];
        let run = workbench(&[&[challenge(server)], &few[..], &["--", "node", &path]].concat());
        assert_eq!(run.code, Some(1), "{server}: {run:?}");
        let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, told) = words.split_once("The rule: ").expect("a rule");
        assert!(told.contains(rule), "{server}: {words}");
        let failed = run
            .stdout
            .lines()
            .find(|line| line.contains("a rule is broken"));
        let failed = failed.unwrap_or_else(|| panic!("{server}: {words}"));
        assert!(
            failed.contains(&format!("level {level}")),
            "{server}: {failed}"
        );
        let steps = run.stdout.lines().find_map(|line| {
            let (steps, _) = line.split_once(" step")?;
            steps.parse::<usize>().ok()
        });
        assert!(
            steps.is_some_and(|steps| steps <= most),
            "{server}: {}",
            run.stdout
        );
    }
}

#[test]
fn each_right_server_holds_at_every_level() {
    if !has_node() {
        return;
    }
    for server in RIGHT {
        let path = path(server);
        let few = ["--depth", "2", "--stories", "150"];
        let run = workbench(&[&[challenge(server)], &few[..], &["--", "node", &path]].concat());
        assert_eq!(run.code, Some(0), "{server}: {run:?}");
        assert!(
            run.stdout.contains("level 2, slow links: every rule holds"),
            "{server}: {run:?}"
        );
        assert!(
            run.stdout.ends_with("every rule holds.\n"),
            "{server}: {run:?}"
        );
    }
}

#[test]
fn a_failing_story_is_written_to_a_file_and_told_again_to_the_byte() {
    if !has_node() {
        return;
    }
    let path = path("moves-refused");
    let found = workbench(&["moves", "--stories", "10", "--", "node", &path]);
    let story = "target/workbench/moves.story";
    assert!(
        found.stdout.contains(&format!("--story {story}")),
        "{found:?}"
    );
    let told = |_| workbench(&["moves", "--story", story, "--", "node", &path]);
    let told: Vec<_> = (0..2).map(told).collect();
    assert_eq!(told[0].code, Some(1));
    assert_eq!(told[0].stdout, told[1].stdout);
    assert!(
        found.stdout.contains(told[0].stdout.trim_end()),
        "{found:?}\n{told:?}"
    );
}

#[test]
fn a_server_that_says_nothing_breaks_a_rule_of_each_challenge() {
    if !has_node() {
        return;
    }
    for challenge in ["relay", "moves", "cache", "rooms", "instance", "slow"] {
        let run = workbench(&[challenge, "--", "node", &path("silent")]);
        assert_eq!(run.code, Some(1), "{challenge}: {run:?}");
        assert!(
            run.stdout.contains("level 1, no faults: a rule is broken"),
            "{run:?}"
        );
    }
}
