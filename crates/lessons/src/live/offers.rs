//! What a page offers to start. The browser names one of these and never sends a command.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use compile_fail::case::Case;

use crate::page::Page;

/// The compile-fail cases of the workspace.
pub(super) const CASES: &str = "tests/compile-fail/ui";

/// Words by which a command is known to run until it is stopped.
const ENDLESS: [&str; 3] = ["redis-server", "stock-feed", "--forever"];

/// The programs that a page may start.
const PROGRAMS: [&str; 3] = ["cargo run -p ", "redis-server ", "redis-cli "];

/// A command in the section "Run" of a page.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// `05-module-store.md:1`.
    pub(super) id: String,
    /// As it is on the page.
    pub(super) command: String,
    /// Whether it ends by itself.
    pub(super) ends: bool,
}

impl Run {
    /// The program and its arguments; `""` on a page is an empty one.
    pub(super) fn words(&self) -> Vec<String> {
        let words = self.command.split(' ');
        words
            .map(|word| if word == "\"\"" { "" } else { word }.to_owned())
            .collect()
    }
}

/// The commands in the blocks of the section "Run".
pub(super) fn runs(page: &Page) -> Vec<Run> {
    let mut sections = page.text.split("\n## ");
    let section = sections.find(|section| section.starts_with("Run\n"));
    let blocks = section.unwrap_or_default().split("\n```\n");
    let lines = blocks.skip(1).step_by(2).flat_map(str::lines);
    let is_known = |line: &&str| PROGRAMS.iter().any(|program| line.starts_with(program));
    let commands = lines.filter(is_known);
    commands
        .zip(1..)
        .map(|(command, number)| Run {
            id: format!("{}:{number}", page.file),
            command: command.to_owned(),
            ends: !command.split(' ').any(|word| ENDLESS.contains(&word)),
        })
        .collect()
}

/// A case that the reader can change and check.
#[derive(Debug)]
pub(super) struct Offered {
    /// `singleton-game/constructor`.
    pub(super) id: String,
    pub(super) program: String,
    pub(super) case: Case,
}

/// The cases of the page at this address below the site: those of its `<!-- check CRATE -->`, or the one that
/// it shows.
pub(super) fn cases(workspace: &Path, address: &str, page: Option<&Page>) -> Result<Vec<Offered>> {
    let shown = address
        .strip_prefix(&format!("files/{CASES}/"))
        .and_then(|file| file.strip_suffix(".rs.html"));
    let lines = page.into_iter().flat_map(|page| page.text.lines());
    let crates = lines.filter_map(|line| line.strip_prefix("<!-- check ")?.strip_suffix(" -->"));
    let crates: Vec<&str> = crates.flat_map(|crates| crates.split(' ')).collect();
    let all = all_cases(workspace)?;
    let is_offered = |id: &String| match id.split_once('/') {
        _ if shown == Some(id) => true,
        Some((krate, _)) => crates.contains(&krate),
        None => false,
    };
    all.into_iter()
        .filter(is_offered)
        .map(|id| offered(workspace, id))
        .collect()
}

/// A case by its name, if there is one.
pub(super) fn case(workspace: &Path, id: &str) -> Result<Option<Offered>> {
    // Compared with the names of the files, so that no path is made of what the browser sends.
    let known = all_cases(workspace)?.into_iter().find(|known| known == id);
    known.map(|id| offered(workspace, id)).transpose()
}

fn offered(workspace: &Path, id: String) -> Result<Offered> {
    let program = fs::read_to_string(workspace.join(format!("{CASES}/{id}.rs")))?;
    let case = program.parse().with_context(|| id.clone())?;
    Ok(Offered { id, program, case })
}

/// The names of all cases: `singleton-game/constructor`.
fn all_cases(workspace: &Path) -> Result<Vec<String>> {
    let mut cases = Vec::new();
    let crates = fs::read_dir(workspace.join(CASES)).into_iter().flatten();
    for krate in crates {
        let krate = krate?;
        for file in fs::read_dir(krate.path()).into_iter().flatten() {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                cases.push(format!("{}/{name}", krate.file_name().to_string_lossy()));
            }
        }
    }
    cases.sort();
    Ok(cases)
}

/// A case without its first lines, which give the answer away.
pub(super) fn without_head(program: &str) -> String {
    let lines = program
        .lines()
        .skip_while(|line| line.starts_with("//") || line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}
