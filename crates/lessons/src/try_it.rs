//! The changes that a page asks the reader to try.
//!
//! A change is a fence of removed and added lines, ```` ```diff file=crates/… expect=… ````. Several fences
//! in a row are one change, and the last one says what it leads to:
//!
//! | `expect=` | what the change leads to |
//! |---|---|
//! | `E0624` | the compiler refuses it with this code and no other |
//! | `prints`, `prints:EXAMPLE` | the program, or its example, prints the lines of the next block in this order |
//! | `faults:NAME,NAME` | these tests of `tests/faults.rs` fail; `lib:` for the unit tests, `pubsub-manager/lib:` for those of another crate |
//! | `case:singleton-game/default` | this case of `tests/compile-fail` compiles |
//!
//! The page's Try button and the test of the pages (`tests/try_it.rs`) both read, make and judge a change
//! with this file.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use compile_fail::snapshot;

use crate::page::Page;

/// A change that a page asks for, and what it leads to.
#[derive(Clone, Debug)]
pub struct Change {
    /// `lessons/05-module-store.md:102`, the line of the last fence.
    pub at: String,
    /// The crate of the last edit.
    pub krate: String,
    /// In the order of the page.
    pub edits: Vec<Edit>,
    /// The value of `expect=`: an error code, a test, or `prints`.
    pub expect: String,
    /// The lines of the block below a change that expects output.
    pub output: String,
}

/// A change to one file.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Its path in the workspace.
    pub file: String,
    /// Lines that begin with `-`, `+` or a space.
    pub diff: String,
}

impl Edit {
    /// The text of the file with this edit made.
    ///
    /// # Errors
    /// The file does not contain the old lines exactly once.
    pub fn made_in(&self, text: &str) -> Result<String> {
        let side = |other: char| -> String {
            let lines = self.diff.lines().filter(|line| !line.starts_with(other));
            let lines = lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default()));
            lines.collect()
        };
        let (old, new) = (side('+'), side('-'));
        ensure!(
            !old.is_empty() && text.matches(&old).count() == 1,
            "{} does not contain these lines exactly once:\n{old}",
            self.file
        );
        Ok(text.replace(&old, &new))
    }
}

/// The changes of a page, in their order.
///
/// # Errors
/// A change does not say what it leads to.
pub fn changes(page: &Page) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut edits = Vec::new();
    let mut lines = page.text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(head) = line.trim_start().strip_prefix("```diff file=") else {
            continue;
        };
        let at = format!("lessons/{}:{number}", page.file);
        let indent = line.len() - line.trim_start().len();
        let mut block = || -> String {
            let lines = lines.by_ref();
            let lines = lines.map(|(line, _)| line.get(indent..).unwrap_or_default());
            let lines = lines.take_while(|line| *line != "```");
            lines.map(|line| format!("{line}\n")).collect()
        };
        let (file, expect) = match head.split_once(" expect=") {
            Some((file, expect)) => (file, Some(expect)),
            None => (head, None),
        };
        edits.push(Edit {
            file: file.to_owned(),
            diff: block(),
        });
        let Some(expect) = expect else { continue };
        let mut output = String::new();
        if expect.starts_with("prints") {
            let mut below = lines.by_ref().skip_while(|(line, _)| line.is_empty());
            let is_block = below
                .next()
                .is_some_and(|(line, _)| line.trim_start() == "```");
            ensure!(is_block, "{at}: there is no block of output below");
            let below = below.map(|(line, _)| line.get(indent..).unwrap_or_default());
            let below = below.take_while(|line| *line != "```");
            output = below.map(|line| format!("{line}\n")).collect();
        }
        let krate = file.split('/').nth(1).unwrap_or_default();
        changes.push(Change {
            at,
            krate: krate.to_owned(),
            edits: std::mem::take(&mut edits),
            expect: expect.to_owned(),
            output,
        });
    }
    ensure!(
        edits.is_empty(),
        "lessons/{}: the last change has no expect=",
        page.file
    );
    Ok(changes)
}

/// What `expect=` stands for.
enum Expected<'a> {
    Code(&'a str),
    Prints(Option<&'a str>),
    Case(&'a str, &'a str),
    Failing {
        krate: &'a str,
        target: &'a str,
        names: Vec<&'a str>,
    },
}

impl Change {
    fn expected(&self) -> Result<Expected<'_>> {
        Ok(match self.expect.split_once(':') {
            None if self.expect == "prints" => Expected::Prints(None),
            None => Expected::Code(&self.expect),
            Some(("prints", example)) => Expected::Prints(Some(example)),
            Some(("case", case)) => {
                let (krate, name) = case.split_once('/').context("a case is CRATE/NAME")?;
                Expected::Case(krate, name)
            }
            Some((target, names)) => {
                let (krate, target) = target.split_once('/').unwrap_or((&self.krate, target));
                let names = names.split(',').collect();
                Expected::Failing {
                    krate,
                    target,
                    names,
                }
            }
        })
    }

    /// The words after `cargo` that show what the change leads to.
    ///
    /// # Errors
    /// `expect=` cannot be read.
    pub fn command(&self) -> Result<Vec<String>> {
        let krate = &*self.krate;
        let words = match self.expected()? {
            Expected::Code(_) => vec!["build", "-p", krate, "--all-targets"],
            Expected::Prints(None) => {
                // Without the pauses that let a class read along.
                let pauses = match krate {
                    "naive-pubsub" => "--every",
                    _ => "--add-every",
                };
                vec!["run", "-p", krate, "--bin", krate, "--", pauses, "0s"]
            }
            Expected::Prints(Some(example)) => vec!["run", "-p", krate, "--example", example],
            Expected::Case(krate, name) => vec!["build", "-p", krate, "--example", name],
            Expected::Failing {
                krate,
                target,
                names,
            } => {
                let target = match target {
                    "lib" => vec!["--lib"],
                    file => vec!["--test", file],
                };
                // Only these tests: after a change, another test may wait for something until it times out.
                [vec!["test", "-p", krate], target, vec!["--"], names].concat()
            }
        };
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// The case that is copied into the crate's examples before the command, and its new place.
    pub fn example(&self) -> Option<[String; 2]> {
        match self.expected() {
            Ok(Expected::Case(krate, name)) => Some([
                format!("tests/compile-fail/ui/{krate}/{name}.rs"),
                format!("crates/{krate}/examples/{name}.rs"),
            ]),
            _ => None,
        }
    }

    /// Compares what the command printed, and how it ended, with what the page says.
    ///
    /// # Errors
    /// They differ; the error says what was found instead.
    pub fn judge(&self, printed: &str, success: bool) -> Result<()> {
        match self.expected()? {
            Expected::Code(code) => {
                let reasons = reasons(printed);
                if !reasons.iter().eq([code]) {
                    bail!("the compiler says {}, not {code}", listed(&reasons));
                }
            }
            Expected::Prints(_) => {
                let mut lines = printed.lines();
                for line in self.output.lines().filter(|line| *line != "...") {
                    if !lines.any(|printed| printed == line) {
                        bail!("it does not print {line:?}");
                    }
                }
            }
            Expected::Case(krate, name) => ensure!(success, "{krate}/{name} is still refused"),
            Expected::Failing { names, .. } => {
                let failing = failing(printed);
                let expected: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
                if failing != expected {
                    bail!(
                        "the failing tests are {}, not {}",
                        listed(&failing),
                        listed(&expected)
                    );
                }
            }
        }
        Ok(())
    }
}

/// The compiler's reasons for a refusal, in what cargo or rustc printed.
pub fn reasons(printed: &str) -> BTreeSet<String> {
    // The last words of cargo and rustc begin with `error` and give no reason.
    let is_summary = |line: &&str| {
        line.starts_with("error: could not compile ") || line.starts_with("error: aborting due to ")
    };
    let lines = printed.lines().filter(|line| !is_summary(line));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    snapshot::reasons(&text)
}

/// The names of the tests that failed, without their modules.
pub fn failing(printed: &str) -> BTreeSet<String> {
    let failed = printed.lines().filter_map(|line| {
        let name = line.strip_prefix("---- ")?.strip_suffix(" stdout ----")?;
        name.rsplit("::").next()
    });
    failed.map(str::to_owned).collect()
}

/// `E0308, E0624`, or `nothing`.
pub fn listed(names: &BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}
