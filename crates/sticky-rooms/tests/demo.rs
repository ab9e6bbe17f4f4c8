//! What a learner sees first.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

const SCALE_OUT: &str = include_str!("../../../lessons/04b-scale-out.md");

fn demo(flags: &[&str]) -> String {
    let shown = Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
        .args(flags)
        .output()
        .unwrap();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    String::from_utf8(shown.stdout).unwrap()
}

#[test]
fn players_never_meet_by_turns_seldom_by_user_and_always_by_room_and_two_runs_do_not_differ() {
    let shown = demo(&[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.iter().all(|line| line.len() <= 80), "{shown}");
    assert_eq!(
        *lines.last().unwrap(),
        "verdict: players meet in 0 rooms by turns, 9 by user, 30 by room"
    );
    let row = |begins: &str| {
        let row = lines.iter().find(|line| line.trim().starts_with(begins));
        row.unwrap_or_else(|| panic!("no row {begins:?} in {shown}"))
    };
    assert!(row("by turns").ends_with("0 of 1560"));
    assert!(row("by room").ends_with("1560 of 1560"));
    let number = |begins: &str| {
        let words = row(begins)
            .trim_start_matches(' ')
            .trim_start_matches(begins);
        words
            .split_whitespace()
            .next()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    assert_eq!(number("moves lost"), 0);
    assert_eq!(
        number("chats lost"),
        2 * number("rooms that moved, together")
    );
    assert_eq!(shown, demo(&[]));
    is_on_the_page(include_str!("../../../lessons/04-stickiness.md"), &shown);
}

#[test]
fn lesson_3s_command_shows_players_by_turns_and_does_not_answer_lesson_4() {
    let shown = demo(&["--by", "turns"]);
    assert_eq!(
        shown.lines().last().unwrap(),
        "verdict: players meet in 0 rooms by turns"
    );
    for answer in ["by user", "by room", "sticky session", "is killed"] {
        assert!(!shown.contains(answer), "{answer}: {shown}");
    }
    let page = include_str!("../../../lessons/03-live-state.md");
    assert!(page.contains("\ncargo run -p sticky-rooms -- --by turns\n"));
    is_on_the_page(page, &shown);
}

#[test]
fn a_fourth_server_moves_three_rooms_of_four_by_modulo_and_one_by_score() {
    let shown = demo(&["places"]);
    assert_eq!(
        shown.lines().last().unwrap(),
        "verdict: a fourth server moves 75 % of the rooms by modulo, 25 % by score"
    );
    is_on_the_page(SCALE_OUT, &shown);
}

#[test]
fn a_lease_without_a_fence_loses_a_move_and_with_a_token_or_the_moves_number_it_does_not() {
    let shown = demo(&["lease"]);
    for fence in ["its token is the newest", "the move's number is next"] {
        let row = shown.lines().find(|line| line.starts_with(fence)).unwrap();
        assert!(row.contains("refused") && row.ends_with("kept"), "{row}");
    }
    assert_eq!(
        shown.lines().last().unwrap(),
        "verdict: moves lost behind a lease: 1 without a fence, 0 with one"
    );
    is_on_the_page(SCALE_OUT, &shown);
}

#[test]
fn thirty_games_are_whole_after_a_join_a_drain_and_a_rolling_restart_and_nobody_reconnects_twice() {
    let shown = demo(&["deploy"]);
    let whole = "both players and the database have the same moves, each once: 30 of 30";
    let never = "users away at the same time: never more than the ";
    for part in [whole, never] {
        assert!(shown.contains(part), "{shown}");
    }
    let mut rooms = 0;
    for line in shown.lines().filter(|line| line.starts_with("  server ")) {
        let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
        let numbers: Vec<usize> = numbers.collect();
        let [_, moved, came_back, by_modulo] = numbers[..] else {
            panic!("{line}");
        };
        // Both players of each room, once for each move of their room.
        assert!(came_back == 2 * moved && moved < by_modulo, "{shown}");
        rooms += moved;
    }
    let verdict = shown.lines().last().unwrap();
    let reconnects = 2 * rooms;
    assert_eq!(
        verdict,
        format!(
            "verdict: 30 of 30 games are whole after {rooms} moves of rooms and {reconnects} reconnects"
        )
    );
    is_on_the_page(SCALE_OUT, &shown);
}

/// The lines that a page quotes from the demonstration are lines that it prints.
fn is_on_the_page(page: &str, shown: &str) {
    let lines: Vec<&str> = shown.lines().collect();
    let begins = format!("\n{}\n", lines[0]);
    let quoted = page.split("```").find(|block| block.starts_with(&begins));
    assert!(lines.iter().all(|line| line.len() <= 80), "{shown}");
    let is_quoted = |line: &&str| !line.is_empty() && *line != "...";
    for line in quoted.unwrap().lines().filter(is_quoted) {
        assert!(lines.contains(&line), "the page says {line:?}: {shown}");
    }
}

#[test]
fn an_invalid_flag_ends_with_code_2_and_the_environments_password_is_not_repeated() {
    for flags in [
        &["--by", "luck"][..],
        &["serve", "--by", "luck"],
        &["serve", "--restart-after", "soon"],
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
            .args(flags)
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(2), "{flags:?}");
    }
    let refused = Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
        .arg("serve")
        .env("DATABASE_URL", "mysql://anna:secret@host/games")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(
        stderr.contains("DATABASE_URL") && !stderr.contains("secret"),
        "{stderr}"
    );
}
