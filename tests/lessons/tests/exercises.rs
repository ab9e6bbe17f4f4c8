//! The exercises: each fails for the reason that it declares and for no other, each solution passes,
//! and each answer that is known to be wrong is refused by what its first line names.
//!
//! All variants are one package and one build. A wrong answer is judged with the tests as they were
//! shipped: rustlings itself would pass an answer that changed them (its issue 855).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lesson_tests::{visible, workspace, write};
use serde_json::Value;

/// Where the tests of an exercise begin.
const TESTS: &str = "#[cfg(test)]";

/// What became of one variant: why it does not compile, or which tests fail.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Refused(BTreeSet<String>),
    Ran(BTreeSet<String>),
}

static JUDGED: LazyLock<BTreeMap<String, Judged>> = LazyLock::new(judge_all);

#[test]
fn each_exercise_has_a_solution_a_hint_and_a_line_in_the_readme() {
    let exercises = names("exercises");
    let count = exercises.len();
    assert!(count >= 15, "{count}: does this test still find them?");
    assert_eq!(exercises, names("solutions"));
    assert_eq!(exercises, names("wrong"));
    let (hints, readme) = (read("info.toml"), read("README.md"));
    for name in exercises {
        assert!(
            hints.contains(&format!("name = \"{name}\"\nhint = ")),
            "no hint for {name}"
        );
        assert!(
            readme.contains(&format!("[{name}](exercises/{name}.rs)")),
            "{name}"
        );
        // rustlings looks for these words, and not for `#[tokio::test]`.
        let text = read(&format!("exercises/{name}.rs"));
        assert!(
            text.contains("#[test]\n"),
            "rustlings finds no test in {name}"
        );
        let manifest = read("Cargo.toml");
        for folder in ["exercises", "solutions"] {
            assert!(
                manifest.contains(&format!("\"{folder}/{name}.rs\"")),
                "{folder}/{name}.rs"
            );
        }
    }
}

#[test]
fn the_workspaces_table_of_lessons_names_each_exercise_beside_its_lesson() {
    let (exercises, workspace) = (read("README.md"), read("../../README.md"));
    for name in names("exercises") {
        let row = |text: &str, link: String| {
            let row = text.lines().find(|line| line.contains(&link));
            row.unwrap_or_else(|| panic!("no row has {link}"))
                .to_owned()
        };
        let lesson = row(&exercises, format!("(exercises/{name}.rs)"));
        let (_, lesson) = lesson.split_once("(../").expect("a link to its lesson");
        let (lesson, _) = lesson.split_once(')').expect("the link ends");
        let beside = row(
            &workspace,
            format!("(lessons/exercises/exercises/{name}.rs)"),
        );
        assert!(
            beside.contains(&format!("(lessons/{lesson})")),
            "{name}: {beside}"
        );
    }
}

#[test]
fn each_exercise_fails_for_the_reason_that_it_declares_and_for_no_other() {
    for name in names("exercises") {
        let declared = declared(&name);
        let codes = declared
            .iter()
            .all(|reason| reason.starts_with('E') && reason.len() == 5);
        let declared = match codes {
            true => Judged::Refused(declared),
            false => Judged::Ran(declared),
        };
        assert_eq!(JUDGED[&format!("{name}-shipped")], declared, "{name}");
    }
}

#[test]
fn each_solution_passes() {
    for name in names("exercises") {
        let passes = Judged::Ran(BTreeSet::new());
        assert_eq!(JUDGED[&format!("{name}-solution")], passes, "{name}");
    }
}

#[test]
fn each_known_wrong_answer_is_refused_for_its_own_reason() {
    let mut others = Vec::new();
    for name in names("exercises") {
        for answer in wrong_answers(&name) {
            let text = read(&format!("wrong/{name}/{answer}.rs"));
            let line = text.lines().next().unwrap_or_default();
            let declared = reasons(line, "// refused by: ");
            let (Judged::Refused(found) | Judged::Ran(found)) =
                &JUDGED[&format!("{name}-wrong-{answer}")];
            // A race makes other tests fail now and then, so these may be more than are declared.
            if !declared.is_subset(found) {
                others.push(format!("{name}/{answer}.rs: {declared:?}, but {found:?}"));
            }
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn an_empty_answer_is_refused() {
    for name in names("exercises") {
        let passes = Judged::Ran(BTreeSet::new());
        assert_ne!(JUDGED[&format!("{name}-wrong-empty")], passes, "{name}");
    }
}

// The book checks answers without a network, so cargo must find each dependency where the workspace has
// put it.
#[test]
fn the_dependencies_of_the_exercises_are_locked_as_those_of_the_workspace() {
    let checksums = |lock: &str| -> BTreeSet<String> {
        let text = read(lock);
        let lines = text.lines().filter(|line| line.starts_with("checksum"));
        lines.map(str::to_owned).collect()
    };
    let (ours, workspace) = (checksums("Cargo.lock"), checksums("../../Cargo.lock"));
    assert!(!ours.is_empty());
    let missing: Vec<_> = ours.difference(&workspace).collect();
    assert!(
        missing.is_empty(),
        "`cargo update` in lessons/exercises: {missing:?}"
    );
}

#[test]
fn each_solution_has_the_tests_of_its_exercise() {
    for name in names("exercises") {
        let tests = |folder: &str| {
            let text = read(&format!("{folder}/{name}.rs"));
            let at = text.find(TESTS).expect("it has tests");
            text[at..].to_owned()
        };
        assert_eq!(tests("exercises"), tests("solutions"), "{name}");
    }
}

/// Builds every variant in a package of its own, and runs those that compile.
fn judge_all() -> BTreeMap<String, Judged> {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercises");
    let exercises = read("Cargo.toml");
    let (_, dependencies) = exercises
        .split_once("[dependencies]")
        .expect("it has dependencies");
    let mut manifest = format!(
        "[package]\nname = \"variants\"\nedition = \"2024\"\nautobins = false\n\n[workspace]\n\n\
         [dependencies]{dependencies}"
    );
    let variants = variants();
    for (variant, text) in &variants {
        manifest += &format!("\n[[bin]]\nname = \"{variant}\"\npath = \"{variant}.rs\"\n");
        write(&package.join(format!("{variant}.rs")), text);
    }
    write(&package.join("Cargo.toml"), &manifest);
    // Its versions are the workspace's, so that no network is needed.
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).expect("the workspace is locked");
    write(&package.join("Cargo.lock"), &lock);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--tests", "--keep-going", "--offline", "--quiet"])
        .args(["--message-format=json", "--target-dir"])
        .arg(package.join("target"))
        // Each variant is built once and nobody debugs it: a third of the time goes without these.
        .envs([("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")])
        .current_dir(&package)
        .output()
        .expect("cargo can be started");
    let mut judged: BTreeMap<String, Judged> = variants
        .keys()
        .map(|variant| (variant.clone(), Judged::Refused(BTreeSet::new())))
        .collect();
    for message in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(message) else {
            continue;
        };
        let variant = message["target"]["name"].as_str().unwrap_or_default();
        // Not each error has a code: "future cannot be sent between threads safely" has none.
        let (error, code) = (&message["message"], &message["message"]["code"]["code"]);
        if let Some(reason) = code.as_str().or(error["message"].as_str())
            && error["level"] == "error"
            && !reason.starts_with("aborting due to ")
            && let Some(Judged::Refused(reasons)) = judged.get_mut(variant)
        {
            reasons.insert(reason.to_owned());
        }
        if let Some(program) = message["executable"].as_str()
            && message["profile"]["test"] == true
        {
            judged.insert(variant.to_owned(), Judged::Ran(failing(program)));
        }
    }
    let compiles = |judged: &Judged| matches!(judged, Judged::Ran(_));
    assert!(
        judged.values().any(compiles),
        "nothing was built: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    judged
}

/// The tests that fail, without their module.
fn failing(program: &str) -> BTreeSet<String> {
    let output = Command::new(program).output().expect("it was just built");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = text.lines().filter_map(|line| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.rsplit("::").next()?.to_owned())
    });
    let mut failed: BTreeSet<String> = failed.collect();
    if !output.status.success() && failed.is_empty() {
        failed.insert("the program ended by itself".to_owned());
    }
    failed
}

/// The text of each variant, by its name.
fn variants() -> BTreeMap<String, String> {
    let mut variants = BTreeMap::new();
    for name in names("exercises") {
        let shipped = read(&format!("exercises/{name}.rs"));
        let tests = &shipped[shipped.find(TESTS).expect("it has tests")..];
        let with_tests = |code: &str| {
            let code = code.split(TESTS).next().unwrap_or_default();
            format!("{code}\n{tests}")
        };
        for answer in wrong_answers(&name) {
            let code = read(&format!("wrong/{name}/{answer}.rs"));
            variants.insert(format!("{name}-wrong-{answer}"), with_tests(&code));
        }
        variants.insert(format!("{name}-wrong-empty"), with_tests("fn main() {}"));
        variants.insert(
            format!("{name}-solution"),
            read(&format!("solutions/{name}.rs")),
        );
        variants.insert(format!("{name}-shipped"), shipped);
    }
    variants
}

/// The reasons in an exercise's second line.
fn declared(name: &str) -> BTreeSet<String> {
    let text = read(&format!("exercises/{name}.rs"));
    reasons(text.lines().nth(1).unwrap_or_default(), "// fails with: ")
}

/// The reasons in a line that begins with these words.
fn reasons(line: &str, words: &str) -> BTreeSet<String> {
    let reasons = line.strip_prefix(words);
    let reasons = reasons.unwrap_or_else(|| panic!("{line:?} does not begin with {words:?}"));
    reasons.split(", ").map(str::to_owned).collect()
}

fn wrong_answers(name: &str) -> BTreeSet<String> {
    names(&format!("wrong/{name}"))
}

fn names(folder: &str) -> BTreeSet<String> {
    let name = |path: PathBuf| {
        let stem = path.file_stem().expect("a name");
        stem.to_string_lossy().into_owned()
    };
    let files = visible(&exercises().join(folder)).into_iter();
    files.map(name).filter(|name| name != "README").collect()
}

fn read(path: &str) -> String {
    let path = exercises().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn exercises() -> PathBuf {
    workspace().join("lessons/exercises")
}
