//! A program in the page's box is compiled and not run.
//!
//! Cargo builds the crates that the cases use, as for `cargo test -p compile-fail`, and says where they are.
//! Then rustc alone compiles the program, which takes a tenth of a second. There is no build script and no
//! manifest in it, and the only procedural macros are those of the workspace's own dependencies.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::offline;
use crate::try_it::listed;
use crate::warm::CHECK;

/// Cargo's words to build what the cases use, and to name the files.
pub(super) fn prepare() -> Vec<OsString> {
    let mut words = offline(&CHECK);
    // The compiler's own words stay text, for the reader.
    words.push("--message-format=json-render-diagnostics".into());
    words
}

/// The crate whose managers are counted, because it has a counter.
pub(super) const COUNTED: &str = "singleton-game";

/// rustc's arguments for the crates that a case may use, from cargo's messages.
pub(super) fn externs(workspace: &Path, messages: &str) -> Result<Vec<OsString>> {
    let allowed = dev_dependencies(workspace)?;
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut words = Vec::new();
    for message in messages {
        let name = message["target"]["name"].as_str().unwrap_or_default();
        let kinds = message["target"]["kind"].as_array().into_iter().flatten();
        let is_lib = kinds.into_iter().any(|kind| kind == "lib");
        let files = message["filenames"].as_array().into_iter().flatten();
        let mut files = files.filter_map(Value::as_str);
        let metadata = files.find(|file| file.ends_with(".rmeta"));
        if let Some(file) = metadata.filter(|_| is_lib && allowed.contains(name)) {
            words.extend(["--extern".into(), format!("{name}={file}").into()]);
        }
    }
    Ok(words)
}

/// The names in `[dev-dependencies]` of compile-fail, as Rust writes them.
fn dev_dependencies(workspace: &Path) -> Result<BTreeSet<String>> {
    let manifest = fs::read_to_string(workspace.join("tests/compile-fail/Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let names = manifest
        .get("dev-dependencies")
        .and_then(|it| it.as_table());
    let names = names.context("compile-fail has no dev-dependencies")?;
    Ok(names.keys().map(|name| name.replace('-', "_")).collect())
}

/// rustc and its words for a file; its output is written to `into`.
pub(super) fn rustc(
    file: &str,
    target: &Path,
    into: &Path,
    externs: Vec<OsString>,
) -> Vec<OsString> {
    // The compiler beside this cargo: rustup's `rustc` looks for a toolchain each time.
    let beside = env::var_os("CARGO").and_then(|cargo| {
        let rustc = PathBuf::from(cargo).parent()?.join("rustc");
        rustc.exists().then(|| rustc.into_os_string())
    });
    let mut dependencies = OsString::from("dependency=");
    dependencies.push(target.join("debug/deps"));
    let mut words = vec![beside.unwrap_or_else(|| "rustc".into())];
    words.extend(
        [
            "--edition=2024",
            "--crate-name=case",
            "--crate-type=bin",
            "--emit=metadata",
            "--color=never",
            "-L",
        ]
        .map(OsString::from),
    );
    words.extend([dependencies, "--out-dir".into(), into.into()]);
    words.extend(externs);
    words.push(file.into());
    words
}

/// The sentence above the compiler's own words.
pub(super) fn sentence(
    compiles: bool,
    is_counted: bool,
    found: &BTreeSet<String>,
    declared: &BTreeSet<String>,
) -> String {
    match (compiles, found == declared) {
        (true, _) if is_counted => {
            "It compiles. Whether there is a second manager now, only a run can say.".to_owned()
        }
        (true, _) => {
            "It compiles. This crate does not count its values, so it is not run.".to_owned()
        }
        (false, true) => format!("Refused for the declared reason: {}.", listed(found)),
        (false, false) => format!(
            "Refused, but for another reason: {}. The case declares {}.",
            listed(found),
            listed(declared)
        ),
    }
}

/// The program with a `main` that says at the end how many managers were made, if it has a plain `main`.
pub(super) fn with_a_count(program: &str) -> Option<String> {
    let main = "\nfn main() {";
    let program = format!("\n{program}");
    (program.matches(main).count() == 1).then(|| {
        let program = program.replace(main, "\nfn program() {");
        format!(
            "#![allow(missing_docs)]\n{program}\nfn main() {{\n    program();\n    println!(\"{MADE}{{}}\", singleton_game::GameManager::constructed());\n}}\n"
        )
    })
}

/// The line that [`with_a_count`] adds.
const MADE: &str = "managers made: ";

/// The sentence about the count.
pub(super) fn count(printed: &str) -> String {
    let lines = printed.lines().rev();
    let count = lines.filter_map(|line| line.strip_prefix(MADE)).next();
    match count.and_then(|count| count.parse::<usize>().ok()) {
        Some(0) => "No manager was made: nothing asked for one.".to_owned(),
        Some(1) => "The constructor made one manager. A value that was made in another way, by a Default or \
            by copying its bytes, is not counted."
            .to_owned(),
        Some(count) => format!("The constructor made {count} managers."),
        None => "It did not come to its end, so nothing was counted.".to_owned(),
    }
}
