//! What a page asks the student to try is tried, and gives what the page says.
//!
//! A change is a fence of lines taken out and put in, ```` ```diff file=crates/… expect=… ````; several
//! in a row are one change, and the last says what comes of it:
//!
//! | `expect=` | what comes of it |
//! |---|---|
//! | `E0624` | the compiler refuses it with this code and no other |
//! | `prints`, `prints:EXAMPLE` | the program, or its example, prints the lines of the next block in their order |
//! | `faults:NAME,NAME` | of `tests/faults.rs` these tests turn red; `lib:` for the unit tests, `pubsub-manager/lib:` for those of another crate |
//! | `case:singleton-game/default` | this case of `tests/compile-fail` compiles |
//!
//! The changes are made in a copy of the workspace, one after the other, and each is taken back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;
use std::{env, fs};

use lesson_tests::{SMALL_CRATES, at_once, copy, lessons, workspace, write};
use serde_json::Value;

#[test]
fn what_the_pages_ask_to_try_in_the_small_crates_gives_what_they_say() {
    let changes = changes().into_iter();
    try_all(changes.filter(|change| SMALL_CRATES.contains(&&*change.krate)));
}

#[test]
#[ignore = "minutes: cargo test -p lesson-tests --test try_it -- --ignored"]
fn what_the_pages_ask_to_try_in_the_servers_gives_what_they_say() {
    let changes = changes().into_iter();
    try_all(changes.filter(|change| !SMALL_CRATES.contains(&&*change.krate)));
}

fn try_all(changes: impl Iterator<Item = Change>) {
    let began = Instant::now();
    let copy = Copy::of_the_workspace();
    let mut count = 0;
    let mut wrong = String::new();
    for change in changes {
        count += 1;
        if let Err(why) = copy.try_out(&change) {
            wrong += &format!("{}: {why}\n", change.at);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count >= 5, "{count}: does this test still read the pages?");
    println!("{count} changes in {:.0?}", began.elapsed());
}

/// What a student is asked to change, and what comes of it.
struct Change {
    /// The page and the line.
    at: String,
    krate: String,
    edits: Vec<Edit>,
    expect: String,
    /// What stands in the block below.
    output: String,
}

struct Edit {
    file: String,
    old: String,
    new: String,
}

fn changes() -> Vec<Change> {
    let pages = lessons();
    let changes = pages.iter().flat_map(|page| changes_of(page));
    changes.collect()
}

fn changes_of(page: &Path) -> Vec<Change> {
    let text = fs::read_to_string(page).expect("a page can be read");
    let name = page.file_name().unwrap_or_default().display();
    let mut changes = Vec::new();
    let mut edits = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(head) = line.trim_start().strip_prefix("```diff file=") else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let mut block = || -> Vec<&str> {
            let lines = lines
                .by_ref()
                .map(|(line, _)| line.get(indent..).unwrap_or_default());
            lines.take_while(|line| *line != "```").collect()
        };
        let (file, expect) = match head.split_once(" expect=") {
            Some((file, expect)) => (file, Some(expect)),
            None => (head, None),
        };
        let body = block();
        let side = |other: char| -> String {
            let lines = body.iter().filter(|line| !line.starts_with(other));
            lines
                .map(|line| format!("{}\n", line.get(1..).unwrap_or_default()))
                .collect()
        };
        edits.push(Edit {
            file: file.to_owned(),
            old: side('+'),
            new: side('-'),
        });
        let Some(expect) = expect else { continue };
        let output = match expect.starts_with("prints") {
            true => {
                let opened = lines.find(|(line, _)| !line.is_empty());
                assert!(
                    opened.is_some_and(|(line, _)| line.trim_start() == "```"),
                    "{name}:{number}: no block of output below"
                );
                let lines = lines
                    .by_ref()
                    .map(|(line, _)| line.get(indent..).unwrap_or_default());
                lines
                    .take_while(|line| *line != "```")
                    .map(|line| format!("{line}\n"))
                    .collect()
            }
            false => String::new(),
        };
        let krate = file.split('/').nth(1).unwrap_or_default();
        changes.push(Change {
            at: format!("lessons/{name}:{number}"),
            krate: krate.to_owned(),
            edits: std::mem::take(&mut edits),
            expect: expect.to_owned(),
            output,
        });
    }
    assert!(
        edits.is_empty(),
        "{name}: the last change does not say what comes of it"
    );
    changes
}

/// A copy of the crates and of the programs that do not compile.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn of_the_workspace() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("try-it");
        for part in ["crates", "tests/compile-fail/ui"] {
            copy(&workspace().join(part), &folder.join(part));
        }
        let manifest = fs::read_to_string(workspace().join("Cargo.toml")).expect("the workspace's");
        let members = |line: &str| match line {
            _ if line.starts_with("members = ") => "members = [\"crates/*\"]\n".to_owned(),
            _ if line.starts_with("default-members = ") => String::new(),
            line => format!("{line}\n"),
        };
        write(
            &folder.join("Cargo.toml"),
            manifest.lines().map(members).collect::<String>(),
        );
        fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("it is there");
        Self { folder }
    }

    /// Makes the change, sees what comes of it, and takes it back.
    fn try_out(&self, change: &Change) -> Result<(), String> {
        let mut before = Vec::new();
        let mut made = Ok(());
        for edit in &change.edits {
            let path = self.folder.join(&edit.file);
            let text =
                fs::read_to_string(&path).map_err(|error| format!("{}: {error}", edit.file))?;
            if text.matches(&edit.old).count() != 1 {
                made = Err(format!(
                    "{} does not hold these lines once:\n{}",
                    edit.file, edit.old
                ));
                break;
            }
            write(&path, text.replace(&edit.old, &edit.new));
            before.push((path, text));
        }
        let came = made.and_then(|()| self.what_came_of(change));
        for (path, text) in before.iter().rev() {
            write(path, text);
        }
        came
    }

    fn what_came_of(&self, change: &Change) -> Result<(), String> {
        let krate = &*change.krate;
        match change.expect.split_once(':') {
            None if change.expect == "prints" => {
                let run = ["run", "-p", krate, "--bin", krate, "--"];
                self.prints(change, &[&run, &at_once(krate)[..]].concat())
            }
            Some(("prints", example)) => {
                self.prints(change, &["run", "-p", krate, "--example", example])
            }
            Some(("case", case)) => self.compiles(case),
            Some((target, names)) => {
                let (krate, target) = target.split_once('/').unwrap_or((krate, target));
                let target = match target {
                    "lib" => vec!["--lib"],
                    file => vec!["--test", file],
                };
                // No other test than these: what a change breaks may be waited for in vain.
                let names: Vec<&str> = names.split(',').collect();
                let test = [&["test", "-p", krate], &*target, &["--"], &*names].concat();
                let output = self.cargo(&test);
                let red = red(&output);
                let expected: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
                match red == expected {
                    true => Ok(()),
                    false => Err(format!(
                        "red is {red:?}, not {expected:?}\n{}",
                        text_of(&output)
                    )),
                }
            }
            None => {
                let check = [
                    "build",
                    "-p",
                    krate,
                    "--all-targets",
                    "--message-format=json",
                ];
                let output = self.cargo(&check);
                let codes = codes(&output);
                match codes.iter().eq([&change.expect]) {
                    true => Ok(()),
                    false => Err(format!(
                        "the compiler says {codes:?}, not {}",
                        change.expect
                    )),
                }
            }
        }
    }

    fn prints(&self, change: &Change, run: &[&str]) -> Result<(), String> {
        let printed = text_of(&self.cargo(run));
        let mut lines = printed.lines();
        for line in change.output.lines().filter(|line| *line != "...") {
            if !lines.any(|printed| printed == line) {
                return Err(format!("it does not print {line:?}, but\n{printed}"));
            }
        }
        Ok(())
    }

    fn compiles(&self, case: &str) -> Result<(), String> {
        let (krate, name) = case.split_once('/').expect("a case is CRATE/NAME");
        let program = self.folder.join(format!("tests/compile-fail/ui/{case}.rs"));
        let example = self
            .folder
            .join(format!("crates/{krate}/examples/{name}.rs"));
        fs::copy(program, &example).expect("there is such a case");
        let output = self.cargo(&["build", "-p", krate, "--example", name]);
        fs::remove_file(example).expect("it was just written");
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{case} is still refused:\n{}", text_of(&output))),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().expect("a command of cargo");
        Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([command, "--offline", "--quiet"])
            .args(rest)
            .env_remove("RUST_BACKTRACE")
            // Its own: cargo knows the crates of two workspaces apart by nothing but their names, and would
            // take the copy's for the workspace's.
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("NO_COLOR", "1")
            .current_dir(&self.folder)
            .output()
            .expect("cargo can be started")
    }
}

fn text_of(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    texts.concat()
}

/// The names of the tests that turned red, without their modules.
fn red(output: &Output) -> BTreeSet<String> {
    let text = text_of(output);
    let failed = text.lines().filter_map(|line| {
        let name = line.strip_prefix("---- ")?.strip_suffix(" stdout ----")?;
        name.rsplit("::").next()
    });
    failed.map(str::to_owned).collect()
}

/// The codes of the compiler's errors.
fn codes(output: &Output) -> BTreeSet<String> {
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let errors = messages
        .map(|message| message["message"].clone())
        .filter(|message| message["level"] == "error");
    errors
        .filter_map(|error| error["code"]["code"].as_str().map(str::to_owned))
        .collect()
}
