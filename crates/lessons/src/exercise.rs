//! The exercises of `lessons/exercises`, each below the questions of its page.
//!
//! They are rustlings' files: a head of comments, code to change, and tests. The tests that judge an answer
//! are those of the solution, which are the tests that were shipped.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::quiz::escaped;
use crate::try_it::{failing, listed, reasons};

/// Where the tests of an exercise begin.
const TESTS: &str = "#[cfg(test)]";

/// An exercise as it is on disk, with the reader's changes.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// `private_new`.
    pub name: String,
    /// Its file in the workspace.
    pub file: String,
    /// `10-singleton-game.md`.
    pub page: String,
    /// The estimate in its first line.
    pub minutes: String,
    /// What is asked, in paragraphs.
    pub statement: Vec<String>,
    /// The error codes of the compiler, or the names of the tests, that the exercise fails with.
    pub declared: BTreeSet<String>,
    /// The comments above the code.
    pub head: String,
    /// The code to change.
    pub code: String,
    /// The tests that were shipped.
    pub tests: String,
    /// In the order in which they are given.
    pub hints: Vec<String>,
    /// The code of one solution.
    pub solution: String,
}

/// rustlings' list of exercises.
#[derive(Debug, Deserialize)]
struct Info {
    exercises: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    dir: Option<String>,
    hint: String,
}

/// All exercises, in rustlings' order; none if the workspace has no `info.toml`.
///
/// # Errors
/// A file cannot be read, or an exercise does not begin with its minutes, its lesson and its reason.
pub fn exercises(workspace: &Path) -> Result<Vec<Exercise>> {
    let folder = workspace.join("lessons/exercises");
    let Ok(info) = fs::read_to_string(folder.join("info.toml")) else {
        return Ok(Vec::new());
    };
    let info: Info = toml::from_str(&info).context("lessons/exercises/info.toml")?;
    let exercises = info.exercises.into_iter();
    exercises
        .map(|listed| Exercise::read(workspace, &listed))
        .collect()
}

impl Exercise {
    fn read(workspace: &Path, listed: &Listed) -> Result<Self> {
        let folder = listed.dir.as_ref().map(|dir| format!("{dir}/"));
        let path = format!("{}{}.rs", folder.unwrap_or_default(), listed.name);
        let file = format!("lessons/exercises/exercises/{path}");
        let read = |file: &str| {
            fs::read_to_string(workspace.join(file)).with_context(|| format!("cannot read {file}"))
        };
        let solution = read(&format!("lessons/exercises/solutions/{path}"))?;
        let (head, code, _) = parts(&read(&file)?);
        let (_, solution, tests) = parts(&solution);
        let comments: Vec<&str> = head
            .lines()
            .map(|line| line.trim_start_matches('/').trim())
            .collect();
        let form = || {
            format!(
                "{file}: an exercise begins with `// 15 minutes. Lesson: lessons/PAGE.md` and `// fails with: REASON`"
            )
        };
        let [first, second, statement @ ..] = &*comments else {
            anyhow::bail!(form());
        };
        let (minutes, page) = first.split_once(". Lesson: lessons/").with_context(form)?;
        let declared = second.strip_prefix("fails with: ").with_context(form)?;
        let paragraphs = statement.split(|line| line.is_empty());
        Ok(Self {
            name: listed.name.clone(),
            file,
            page: page.to_owned(),
            minutes: minutes.to_owned(),
            statement: paragraphs
                .map(|lines| lines.join(" "))
                .filter(|text| !text.is_empty())
                .collect(),
            declared: declared.split(", ").map(str::to_owned).collect(),
            head,
            code,
            tests,
            hints: hints(&listed.hint),
            solution,
        })
    }

    /// The file with this code in it, and with the tests that were shipped.
    pub fn with(&self, code: &str) -> String {
        // Tests in the answer are cut off: they would judge it in the place of ours.
        let code = code.split(TESTS).next().unwrap_or_default().trim();
        format!("{}\n{code}\n\n{}", self.head, self.tests)
    }

    /// Changes when the exercise does, and not when the reader changes its code.
    pub fn version(&self) -> String {
        hash(&(&self.head, &self.tests))
    }

    /// The code that was shipped, if git has it.
    pub fn shipped(&self, workspace: &Path) -> Option<String> {
        let mut git = Command::new("git");
        git.arg("-C").arg(workspace);
        let output = git.args(["show", &format!("HEAD:{}", self.file)]).output();
        let output = output.ok().filter(|output| output.status.success())?;
        let (_, code, _) = parts(&String::from_utf8(output.stdout).ok()?);
        Some(code)
    }

    /// What cargo's test says of an answer: a sentence, and whether the answer passes.
    pub fn judge(&self, printed: &str, success: bool) -> (String, bool) {
        let count = self.tests.matches("#[test]").count();
        let (refused, failed) = (reasons(printed), failing(printed));
        let declares = |found: &BTreeSet<String>| match *found == self.declared {
            true => " That is the reason with which the exercise begins.",
            false => "",
        };
        if success && printed.contains(&format!("test result: ok. {count} passed")) {
            (format!("Solved: {}.", passed(count)), true)
        } else if !refused.is_empty() && failed.is_empty() {
            let why = declares(&refused);
            let text = format!("It does not compile: {}.{why}", listed(&refused));
            (text, false)
        } else if !failed.is_empty() {
            let why = declares(&failed);
            (
                format!("Not yet, this fails: {}.{why}", listed(&failed)),
                false,
            )
        } else {
            ("Not yet: it ended before its tests did.".to_owned(), false)
        }
    }
}

fn passed(count: usize) -> String {
    match count {
        1 => "its test passes".to_owned(),
        count => format!("its {count} tests pass"),
    }
}

/// A short name for a value, the same in each run of this program.
pub fn hash(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The comments at the top of an exercise, its code, and its tests.
fn parts(text: &str) -> (String, String, String) {
    let head = text.split_inclusive('\n');
    let head: String = head.take_while(|line| line.starts_with("//")).collect();
    let tests = text.find(TESTS).unwrap_or(text.len());
    let code = text.get(head.len()..tests).unwrap_or_default().trim();
    (head, code.to_owned(), text[tests..].to_owned())
}

/// A hint of rustlings in sentences, without the name of the lesson, which the reader is in.
fn hints(hint: &str) -> Vec<String> {
    let lines = hint.lines().filter(|line| !line.starts_with("Lesson: "));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut hints: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while let Some(end) = rest.find(". ").or_else(|| rest.find("? ")) {
        let end = rest.find("? ").map_or(end, |other| end.min(other)) + 1;
        hints.push(rest[..end].to_owned());
        rest = rest[end..].trim();
    }
    hints.push(rest.to_owned());
    hints.retain(|hint| !hint.is_empty());
    hints
}

/// A page with its exercises, above the notes for the instructor.
pub fn added(text: String, page: &str, exercises: &[Exercise]) -> String {
    let mut html = String::new();
    for exercise in exercises.iter().filter(|exercise| exercise.page == page) {
        let Exercise { name, minutes, .. } = exercise;
        let _ = writeln!(
            html,
            "<section class=\"exercise\" data-exercise=\"{name}\" aria-labelledby=\"exercise-{name}\">\n\
             <h3 id=\"exercise-{name}\"><code>{name}</code>, {minutes}</h3>"
        );
        for paragraph in &exercise.statement {
            let _ = writeln!(html, "<p>{}</p>", escaped(paragraph));
        }
        let reasons: Vec<&str> = exercise.declared.iter().map(String::as_str).collect();
        let _ = writeln!(
            html,
            "<p class=\"in-a-terminal\">It fails with <code>{}</code>. In <code>lessons/exercises</code>: <code>cargo test --bin {name}</code></p>\n</section>",
            reasons.join("</code>, <code>")
        );
    }
    let notes = "\n## For the instructor\n";
    match text.split_once(notes) {
        Some((before, after)) if !html.is_empty() => format!(
            "{before}\n<div class=\"exercises\">\n<h2 id=\"exercises\">Exercises</h2>\n{html}</div>\n{notes}{after}"
        ),
        _ => text,
    }
}
