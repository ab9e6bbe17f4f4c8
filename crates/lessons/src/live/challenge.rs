//! A server that the reader writes for a challenge: TypeScript's compiler reads it, Node runs it, and the
//! workbench tells it stories.
//!
//! The file is in a folder of its own below the target folder, beside the types and the helper that the
//! challenge gives. The name of the challenge comes from a page and never from the browser.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use program::supervisor::NOT_FOUND;
use serde::Deserialize;
use serde_json::{Value, json};

use super::job::{Ended, Job, OUTPUT, Shown};
use super::start::Task;
use super::{Failed, Shared};
use crate::cargo::offline;
use crate::exercise::hash;
use crate::page::{Page, pages};
use crate::try_it::listed;

/// The first servers, with their types and their helper.
const GIVEN: &str = "crates/workbench/typescript";

/// Where the reader's server is written.
const FOLDER: &str = "target/workbench/page";

/// TypeScript's compiler, once `npm ci` has installed it.
const COMPILER: &str = "lessons/typescript/node_modules/typescript/bin/tsc";

/// How long Node and the compiler may take.
const COMPILES: Duration = Duration::from_secs(20);

/// How long the workbench may tell stories. A right server is told all of them.
const TELLS: Duration = Duration::from_secs(300);

const NO_NODE: &str = "Node is not installed, so nothing was checked. Install Node 22.18 or later \
    (https://nodejs.org), or, on Debian and Ubuntu, type: apt-get install nodejs npm && npm ci --prefix \
    lessons/typescript. Then check again.";

const NO_TYPESCRIPT: &str = "This Node runs no TypeScript and the course's compiler is not installed, so \
    nothing was checked. Type: npm ci --prefix lessons/typescript, or install Node 22.18 or later. Then check \
    again.";

/// A challenge that a page offers.
#[derive(Debug)]
pub(super) struct Challenge {
    /// `relay`.
    pub(super) name: String,
    /// The first server.
    pub(super) code: String,
    /// The types of its events and actions.
    types: String,
}

/// The challenges of a page: those of its `<!-- challenge NAME -->`.
pub(super) fn challenges(workspace: &Path, page: &Page) -> Result<Vec<Challenge>> {
    names(page)
        .map(|name| Challenge::read(workspace, name))
        .collect()
}

fn names(page: &Page) -> impl Iterator<Item = &str> {
    let lines = page.text.lines();
    lines.filter_map(|line| line.strip_prefix("<!-- challenge ")?.strip_suffix(" -->"))
}

impl Challenge {
    fn read(workspace: &Path, name: &str) -> Result<Self> {
        let read = |file: String| {
            let path = workspace.join(GIVEN).join(file);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self {
            name: name.to_owned(),
            code: read(format!("{name}.ts"))?,
            types: read(format!("{name}-types.ts"))?,
        })
    }

    /// Changes when the first server or the protocol does.
    pub(super) fn version(&self) -> String {
        hash(&(&self.code, &self.types))
    }

    /// Writes the reader's server, and what it needs, into [`FOLDER`].
    fn write(&self, workspace: &Path, code: &str) -> Result<()> {
        let (given, folder) = (workspace.join(GIVEN), workspace.join(FOLDER));
        fs::create_dir_all(&folder)?;
        for file in ["package.json", "workbench.js"] {
            fs::copy(given.join(file), folder.join(file))?;
        }
        let settings = json!({
            "extends": given.join("tsconfig.json"),
            "compilerOptions": { "rootDir": ".", "outDir": "out" },
            "files": [self.file()],
        });
        fs::write(folder.join("tsconfig.json"), settings.to_string())?;
        fs::write(folder.join(format!("{}-types.ts", self.name)), &self.types)?;
        fs::write(folder.join(self.file()), code)?;
        Ok(())
    }

    fn file(&self) -> String {
        format!("{}.ts", self.name)
    }
}

#[derive(Deserialize)]
pub(super) struct Written {
    name: String,
    code: String,
    /// Tells the last story that failed, and shows what the server prints.
    again: bool,
}

/// Checks the server that the reader wrote.
pub(super) async fn check(
    State(book): Shared,
    Json(written): Json<Written>,
) -> Result<Response, Failed> {
    let all = pages(&book.workspace)?;
    let mut names = all.iter().flat_map(names);
    let name = names.find(|name| *name == written.name);
    let name = name.ok_or_else(Failed::unknown)?;
    let challenge = Challenge::read(&book.workspace, name)?;
    let permits = vec![book.starter.slot("challenge").await?];
    Task::start(book, permits, move |task| async move {
        let workspace = &task.book.workspace;
        challenge.write(workspace, &written.code)?;
        let server = match compiled(&task, &challenge).await? {
            Compiled::Server(server) => server,
            Compiled::Not(why) => return Ok(why),
        };
        let figure = format!("{FOLDER}/{}.html", challenge.name);
        // A run that ends before it draws leaves no figure of a former one.
        let _ = fs::remove_file(workspace.join(&figure));
        let story = format!("target/workbench/{}.story", challenge.name);
        let mut words = vec!["run", "-p", "workbench", "--", &challenge.name];
        if written.again {
            words.extend(["--story", &story]);
        }
        words.extend(["--figure", &figure, "--", "node", &server]);
        task.send(json!({ "command": format!("cargo {}", words.join(" ")) }));
        let tell = Job {
            is_built: true,
            limit: TELLS,
            shown: Shown::All,
            ..job(workspace.clone(), offline(&words))
        };
        let ended = task.job(&tell).await?;
        let (said, came) = verdict(&ended, written.again);
        let figure = fs::read_to_string(workspace.join(&figure)).ok();
        Ok(json!({ "said": said, "came": came, "figure": figure }))
    })
}

/// A job that compiles; nothing of it is shown.
fn job(folder: PathBuf, words: Vec<OsString>) -> Job {
    Job {
        words,
        folder,
        environment: Vec::new(),
        limit: COMPILES,
        is_built: false,
        output: OUTPUT,
        shown: Shown::Nothing,
    }
}

/// What Node is to run, or why there is nothing, as the last line for the page.
enum Compiled {
    Server(String),
    Not(Value),
}

async fn compiled(task: &Task, challenge: &Challenge) -> Result<Compiled> {
    let workspace = &task.book.workspace;
    let not = |said: String| Compiled::Not(json!({ "said": said, "came": false }));
    let words = ["node", "--print", "process.features.typescript"];
    let ask = job(workspace.clone(), words.map(OsString::from).to_vec());
    let node = task.job(&ask).await?;
    if node.code == Some(NOT_FOUND.into()) {
        return Ok(not(NO_NODE.to_owned()));
    }
    let compiler = workspace.join(COMPILER);
    if !compiler.exists() {
        // `strip`, or `transform` with a flag. An older Node says `undefined`, or `false`.
        let runs_it = ["strip", "transform"].contains(&node.printed.trim());
        return Ok(match runs_it {
            true => Compiled::Server(format!("{FOLDER}/{}", challenge.file())),
            false => not(NO_TYPESCRIPT.to_owned()),
        });
    }
    let words = ["--pretty", "false", "-p", "."].map(OsString::from);
    let words = ["node".into(), compiler.into()].into_iter().chain(words);
    let compile = job(workspace.join(FOLDER), words.collect());
    let ended = task.job(&compile).await?;
    Ok(match (&ended.stopped, ended.code) {
        (Some(why), _) => not(format!("Not to the end: {why}.")),
        (None, Some(0)) => Compiled::Server(format!("{FOLDER}/out/{}.js", challenge.name)),
        (None, _) => {
            let said = format!("It does not compile: {}.", listed(&errors(&ended.printed)));
            Compiled::Not(json!({ "said": said, "came": false, "message": ended.printed }))
        }
    })
}

/// The codes of the compiler's errors: `TS2322`.
fn errors(printed: &str) -> BTreeSet<String> {
    let errors = printed.split("error ").skip(1);
    let codes = errors.filter_map(|error| error.split(':').next());
    codes.map(str::to_owned).collect()
}

/// What the workbench found, in a sentence, and whether every rule holds at every level.
fn verdict(ended: &Ended, is_one_story: bool) -> (String, bool) {
    let said = match (&ended.stopped, ended.code, is_one_story) {
        (Some(why), ..) => format!("Not to the end: {why}."),
        (None, Some(0), false) => {
            return ("Held: every rule holds at every level.".to_owned(), true);
        }
        (None, Some(0), true) => {
            "In this story every rule holds now. Check tells all others.".to_owned()
        }
        (None, Some(1), true) => "The story breaks a rule.".to_owned(),
        (None, Some(1), false) => format!("Not yet. {}", levels(&ended.printed)),
        _ => "Nothing was checked.".to_owned(),
    };
    (said, false)
}

/// The levels that hold, and the one that fails: `Level 1, no faults, holds. Level 2, …: a rule is broken.`
fn levels(printed: &str) -> String {
    let lines = printed
        .lines()
        .filter_map(|line| line.split_once(": level "));
    let levels = lines.filter_map(|(_, line)| {
        let (level, how) = line.split_once(": ")?;
        Some(match how.starts_with("every rule holds") {
            true => format!("Level {level}, holds."),
            false => format!("Level {level}: a rule is broken."),
        })
    });
    levels.collect::<Vec<_>>().join(" ")
}
