//! The command line that the seven stores share, on the real programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use lesson_tests::{program, run, verdict};

const STORES: [&str; 7] = [
    "module-store",
    "reducer-game",
    "bad-game",
    "exported-game",
    "singleton-game",
    "injected-game",
    "actor-game",
];

const THREE_GAMES: &str = r#"{"id":"fools-mate","white_player":"A","black_player":"B","moves":["f2f3","e7e5","g2g4","d8h4"]}
{"id":"scholars-mate","white_player":"C","black_player":"D","year":1620,"moves":["e2e4","e7e5","d1h5","b8c6","f1c4","g8f6","h5f7"]}
{"id":"legals-mate","white_player":"E","black_player":"F","moves":["e2e4"]}
"#;

#[test]
fn each_store_is_told_the_same_ten_games_and_comes_to_its_own_verdict() {
    let verdicts = STORES.map(|store| {
        let output = run(command(store).args(["--add-every", "0"]), "").unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            output.stdout.lines().count(),
            2 + 10 + 1 + 2,
            "{}",
            output.stdout
        );
        assert!(output.stdout.is_ascii(), "{}", output.stdout);
        for line in output.stdout.lines() {
            assert!(line.len() <= 80, "wider than a projector shows: {line}");
        }
        verdict(&output).to_owned()
    });
    assert_eq!(
        verdicts,
        [
            "main added 10 games, the logger sees 10: one list",
            "main added 10 games, the logger sees 10: only actions change it",
            "main added 10 games, the logger sees 0: two managers, two lists",
            "main added 10 games, the logger sees 10: one manager, by agreement only",
            "main added 10 games, the logger sees 10: one manager",
            "main added 10 games, the logger sees 10: one manager, handed down",
            "main added 10 games, the logger sees 10: one task owns them",
        ]
    );
}

#[test]
fn two_runs_do_not_differ_in_a_letter() {
    let tell = || run(command("singleton-game").args(["--add-every", "1ms"]), "").unwrap();
    assert_eq!(tell().stdout, tell().stdout);
}

#[test]
fn games_of_ones_own_are_played_from_stdin() {
    for store in STORES {
        let output = run(
            command(store).args(["--games", "-", "--add-every", "0"]),
            THREE_GAMES,
        );
        let output = output.unwrap();
        assert!(
            verdict(&output).starts_with("main added 3 games"),
            "{output:?}"
        );
        assert!(output.stdout.contains("C-D 1620"), "{output:?}");
    }
}

#[test]
fn a_bad_third_line_ends_the_program_with_code_2_before_anything_was_added() {
    let file = format!("{}/bad-third-line.jsonl", env!("CARGO_TARGET_TMPDIR"));
    for (bad, reason) in [
        ("e2e9", "goes to \"e9\", which is not a square"),
        ("e7e8k", "promotes to 'k'"),
        ("0000", "null move"),
    ] {
        let third = THREE_GAMES.replace(r#"["e2e4"]"#, &format!("[\"{bad}\"]"));
        std::fs::write(&file, third).unwrap();
        for store in STORES {
            let output = run(command(store).args(["--games", &file]), "").unwrap();
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert!(output.stderr.contains(&format!("{file}:3: ")), "{output:?}");
            assert!(output.stderr.contains(reason), "{output:?}");
            assert_eq!(output.stdout, "", "nothing of the file was added");
        }
    }
}

#[test]
fn a_repeated_id_a_missing_field_and_an_empty_file_are_bad_input_too() {
    let first = THREE_GAMES.lines().next().unwrap();
    for (input, reason) in [
        (
            format!("{first}\n{first}\n"),
            "stdin:2: the id \"fools-mate\" is on line 1 already",
        ),
        (
            first.replace(r#""id":"fools-mate","#, ""),
            "stdin:1: missing field `id`",
        ),
        (first.replace(r#""A""#, "7"), "stdin:1: invalid type"),
        (String::new(), "stdin: there is no game in it"),
    ] {
        let output = run(command("bad-game").args(["--games", "-"]), &input).unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stderr.contains(reason), "{output:?}");
    }
}

/// A name is bytes on Linux, and `games-\xff.jsonl` comes from a disk that once spoke Latin-1.
#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_name_is_not_utf_8_is_read_and_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(OsStr::from_bytes(b"games-\xff.jsonl"));
    std::fs::write(&file, THREE_GAMES).unwrap();
    let tell = || {
        let mut output = command("singleton-game");
        output.args(["--add-every", "0", "--games"]).arg(&file);
        run(&mut output, "").unwrap()
    };
    let output = tell();
    assert!(
        verdict(&output).starts_with("main added 3 games"),
        "{output:?}"
    );

    std::fs::remove_file(&file).unwrap();
    let output = tell();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stderr.contains("games-\u{fffd}.jsonl"), "{output:?}");
}

#[test]
fn a_file_that_is_not_there_or_is_a_folder_is_bad_input_and_named() {
    for name in ["no/such.jsonl", "."] {
        let output = run(command("module-store").args(["--games", name]), "").unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(
            output.stderr.contains(&format!("cannot read {name}:")),
            "{output:?}"
        );
    }
}

#[test]
fn a_flag_that_nobody_knows_ends_with_code_2_and_the_usage() {
    for flags in [
        &["--colour"][..],
        &["--add-every", "soon"],
        &["--add-every", "2days"],
        &["--log-every", "4s"],
        &["--forever", "--add-every", "0"],
    ] {
        let output = run(command("exported-game").args(flags), "").unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
        assert!(output.stderr.contains("error: "), "{flags:?}: {output:?}");
        assert_eq!(output.stdout, "", "{flags:?}");
    }
}

#[test]
fn help_names_the_other_lessons() {
    let output = run(command("singleton-game").arg("--help"), "").unwrap();
    assert!(output.status.success());
    for store in STORES {
        assert!(
            output.stdout.contains(&format!("cargo run -p {store}")),
            "{output:?}"
        );
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    for store in STORES {
        let mut child = command(store)
            .args(["--add-every", "1ms"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.starts_with(store), "{first}");
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{store}: {ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{store}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_a_failure_and_named() {
    for store in STORES {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = command(store);
        let output = command.args(["--add-every", "0"]).stdout(full);
        let ended = output.output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{store}: {ended:?}");
        let message = String::from_utf8_lossy(&ended.stderr);
        let named = format!("{store}: cannot write to stdout: ");
        assert!(message.starts_with(&named), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_sigterm_and_sighup_end_every_story_with_the_verdict() {
    let without_end = &["--forever", "--add-every", "1ms", "--log-every", "1ms"][..];
    let an_hour = &["--add-every", "1h"][..];
    let paces = [
        (without_end, 60, "-INT"),
        (an_hour, 3, "-INT"),
        (without_end, 60, "-TERM"),
        (an_hour, 3, "-HUP"),
    ];
    for (store, (pace, enough, signal)) in STORES
        .into_iter()
        .flat_map(|store| paces.map(|pace| (store, pace)))
    {
        let mut child = command(store)
            .args(pace)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut seen: Vec<String> = lines.by_ref().take(enough).collect();
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        seen.extend(lines);
        assert!(child.wait().unwrap().success());
        let last = seen.last().unwrap();
        assert!(last.starts_with("verdict: main added "), "{pace:?}: {last}");
        let numbers: Vec<usize> = last
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        // What the logger of two managers sees is the lesson of bad-game.
        let sees = if store == "bad-game" { 0 } else { numbers[0] };
        assert_eq!(numbers[1], sees, "{last}");
    }
}

fn command(store: &str) -> Command {
    program(store).expect("cargo builds it").command()
}
