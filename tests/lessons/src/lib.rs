//! What the lessons' tests share: they build the real programs, run them, and read what they say.
//!
//! Cargo tells a test where the programs of its *own* package are, and of no other; so
//! [`program`] asks cargo to build the one it names. `cargo test -p lesson-tests --test
//! lesson_10_singleton_game` demonstrates one lesson. Read that file next.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context;
use escargot::{CargoBuild, CargoRun};

/// The crates that link no database, no server and no broker: `cargo test` has time to run them, and to try
/// what a page asks to change in them.
pub const SMALL_CRATES: [&str; 8] = [
    "actor-game",
    "bad-game",
    "exported-game",
    "injected-game",
    "module-store",
    "naive-pubsub",
    "reducer-game",
    "singleton-game",
];

/// The flag and its value that let the demonstration of a small crate run without a pause.
pub fn at_once(small_crate: &str) -> [&'static str; 2] {
    match small_crate {
        "naive-pubsub" => ["--every", "0s"],
        _ => ["--add-every", "0s"],
    }
}

/// The workspace that these tests were built in.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lessons' pages, in their order.
///
/// # Panics
/// The folder cannot be listed.
pub fn lessons() -> Vec<PathBuf> {
    let mut pages = visible(&workspace().join("lessons"));
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages
}

/// The files and folders in a folder, sorted by name, without the hidden ones: an editor's lock
/// `.#05-module-store.md` and macOS's `._05-module-store.md` are not ours.
///
/// # Panics
/// The folder cannot be listed.
pub fn visible(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("it can be listed"));
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Copies a file, or a folder with all that is in it.
///
/// # Panics
/// Something cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        return write(to, fs::read(from).expect("a file of the workspace"));
    }
    for path in visible(from) {
        copy(&path, &to.join(path.file_name().unwrap_or_default()));
    }
}

/// Writes what has changed, so that what has not is not compiled again.
///
/// # Panics
/// It cannot be written.
pub fn write(path: &Path, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    if fs::read(path).is_ok_and(|written| written == text) {
        return;
    }
    let folder = path.parent().expect("a file is in a folder");
    fs::create_dir_all(folder).expect("the folder of the copy");
    fs::write(path, text).expect("a file of the copy");
}

/// What a program did.
#[derive(Debug)]
pub struct Output {
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
    /// The exit code, or the signal that ended it.
    pub status: ExitStatus,
}

/// Builds the program of the package `name`.
///
/// # Errors
/// If cargo does; its words have been printed.
pub fn program(name: &str) -> anyhow::Result<CargoRun> {
    build(CargoBuild::new().package(name).bin(name))
}

/// Builds the example `name` of the package `package`.
///
/// # Errors
/// If cargo does; its words have been printed.
pub fn example(package: &str, name: &str) -> anyhow::Result<CargoRun> {
    build(CargoBuild::new().package(package).example(name))
}

/// Runs each example of `package` that the page quotes, and returns their names.
///
/// # Panics
/// One of them fails, or the page has no block with exactly what it prints.
pub fn each_prints_what_is_said(page: &str, package: &str) -> Vec<String> {
    let text = fs::read_to_string(workspace().join("lessons").join(page)).expect("a page");
    let folder = format!("file=crates/{package}/examples/");
    let quoted = text.split(&folder).skip(1);
    let mut names: Vec<String> = quoted
        .filter_map(|rest| Some(rest.split_once(".rs")?.0.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    for name in &names {
        let program = example(package, name).expect("cargo builds it");
        let output = run(&mut program.command(), "").expect("it runs");
        assert!(output.status.success(), "{name}: {}", output.stderr);
        let said = format!("\n```\n{}```\n", output.stdout);
        assert!(
            text.contains(&said),
            "{page} does not say that {name} prints\n{}",
            output.stdout
        );
    }
    names
}

/// The names of the examples of `package`, sorted.
///
/// # Panics
/// The folder cannot be listed.
pub fn examples_of(package: &str) -> Vec<String> {
    let files = visible(&workspace().join("crates").join(package).join("examples"));
    let names = files.iter().filter_map(|file| file.file_stem()?.to_str());
    names.map(str::to_owned).collect()
}

/// Runs a program to its end, with `input` on stdin.
///
/// # Errors
/// If it cannot be started, or writes what is no text.
pub fn run(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    // A program that has read enough closes its end, and that is its right.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    Ok(Output {
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
        status: output.status,
    })
}

/// The line that a demonstration ends with, without its first word.
pub fn verdict(output: &Output) -> &str {
    let last = output.stdout.lines().last().unwrap_or_default();
    last.strip_prefix("verdict: ").unwrap_or(last)
}

fn build(what: CargoBuild) -> anyhow::Result<CargoRun> {
    Ok(what.current_release().run()?)
}
