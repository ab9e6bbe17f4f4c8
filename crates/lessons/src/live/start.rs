//! What is started, and how many at once: a command, a change, a check, a count, an answer, a server.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use program::supervisor::{NOT_FOUND, Supervisor};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::job::{Ended, Job, OUTPUT, Page, Shown};
use super::{Book, Failed, Shared, check, offers};
use crate::cargo::{forget_this_package, offline};
use crate::copy::Copy;
use crate::page::pages;
use crate::try_it::{changes, reasons};

/// How long a program may run that ends by itself.
const ENDS: Duration = Duration::from_secs(60);

/// How long a server may run.
const SERVES: Duration = Duration::from_secs(600);

/// How long the compiler may take for one program.
const COMPILES: Duration = Duration::from_secs(10);

/// How many commands of pages run at once: a Redis, two servers, and a message to them.
const RUNS: usize = 4;

/// How long a program may take to exit after its page was reloaded; it may still print its verdict.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

/// The manifest of the exercises, which are a package outside of the workspace.
const MANIFEST: &str = "lessons/exercises/Cargo.toml";

/// A name that no case and no example has.
const COUNTING: &str = "page_case";

/// Starts things for pages.
#[derive(Debug)]
pub(super) struct Starter {
    workspace: PathBuf,
    supervisor: Supervisor,
    runs: Arc<Semaphore>,
    /// One permit for each thing of which there can be one at a time.
    slots: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    /// What runs now, by number, and how to stop it.
    running: Mutex<BTreeMap<u64, Arc<Notify>>>,
    count: AtomicU64,
    /// Where cargo builds the workspace; asked once.
    target: OnceCell<PathBuf>,
}

/// What runs for one request.
pub(super) struct Task {
    pub(super) book: Arc<Book>,
    page: Page,
    stop: Arc<Notify>,
    _permits: Vec<OwnedSemaphorePermit>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    id: String,
}

/// Runs a command of a page.
pub(super) async fn run(State(book): Shared, Json(named): Json<Named>) -> Result<Response, Failed> {
    let all = pages(&book.workspace)?;
    let mut runs = all.iter().flat_map(offers::runs);
    let run = runs.find(|run| run.id == named.id);
    let run = run.ok_or_else(Failed::unknown)?;
    let words = run.words();
    let is_cargo = words[0] == "cargo";
    let job = Job {
        words: match is_cargo {
            true => offline(&words[1..]),
            false => words.iter().map(OsString::from).collect(),
        },
        folder: book.workspace.clone(),
        environment: Vec::new(),
        limit: if run.ends { ENDS } else { SERVES },
        is_built: is_cargo,
        output: OUTPUT,
        shown: Shown::All,
    };
    let permits = vec![book.starter.slot(&run.id).await?, book.starter.run().await?];
    Task::start(book, permits, move |task| async move {
        task.send(json!({ "command": run.command }));
        let ended = task.job(&job).await?;
        let is_missing = !is_cargo && ended.code == Some(NOT_FOUND.into());
        Ok(match is_missing {
            true => json!({ "said": not_installed(&words[0]), "came": false }),
            false => json!({ "ended": how(&ended) }),
        })
    })
}

fn not_installed(program: &str) -> String {
    let package = match program {
        "redis-cli" => "redis-tools",
        other => other,
    };
    format!("{program} is not installed; on Debian and Ubuntu: apt-get install {package}")
}

#[derive(Deserialize)]
pub(super) struct Tried {
    id: String,
    /// The change as the reader has edited it.
    diffs: Vec<String>,
}

/// Makes a change in the copy, and runs what shows its effect.
pub(super) async fn try_out(
    State(book): Shared,
    Json(tried): Json<Tried>,
) -> Result<Response, Failed> {
    let mut all = Vec::new();
    for page in pages(&book.workspace)? {
        all.extend(changes(&page)?);
    }
    let change = all.into_iter().find(|change| change.at == tried.id);
    let mut change = change
        .filter(|change| change.edits.len() == tried.diffs.len())
        .ok_or_else(Failed::unknown)?;
    for (edit, diff) in change.edits.iter_mut().zip(tried.diffs) {
        edit.diff = diff;
    }
    let permits = vec![book.starter.slot("copy").await?];
    Task::start(book, permits, move |task| async move {
        let copy = task.copy("book").await?;
        let _made = copy.with(&change)?;
        let words = change.command()?;
        task.send(json!({ "command": format!("cargo {}", words.join(" ")) }));
        let ended = task.job(&in_copy(&copy, &words)).await?;
        let judged = change.judge(&ended.printed, ended.code == Some(0));
        let came = judged.is_ok() && ended.stopped.is_none();
        let said = match (&ended.stopped, judged) {
            (Some(why), _) => format!("Not to the end: {why}."),
            (None, Ok(())) => "This is what the page expects.".to_owned(),
            (None, Err(error)) => format!("This is not what the page expects: {error:#}."),
        };
        Ok(json!({ "ended": how(&ended), "said": said, "came": came }))
    })
}

#[derive(Deserialize)]
pub(super) struct Program {
    id: String,
    program: String,
}

/// Asks the compiler about a program.
pub(super) async fn check(
    State(book): Shared,
    Json(asked): Json<Program>,
) -> Result<Response, Failed> {
    let offered = offers::case(&book.workspace, &asked.id)?.ok_or_else(Failed::unknown)?;
    let file = format!("{}/{}.rs", offers::CASES, offered.id);
    let permits = vec![book.starter.slot("check").await?];
    Task::start(book, permits, move |task| async move {
        // A copy of its own: a change that is tried meanwhile is not in it.
        let copy = task.copy("book-check").await?;
        let prepare = Job {
            words: check::prepare(),
            folder: task.book.workspace.clone(),
            environment: Vec::new(),
            limit: COMPILES,
            is_built: true,
            // A line of JSON for each crate.
            output: 16 * OUTPUT,
            shown: Shown::Status,
        };
        let prepared = task.job(&prepare).await?;
        if prepared.code != Some(0) {
            let said = "The crates that the program uses do not compile.";
            return Ok(json!({ "said": said, "came": false, "message": prepared.printed }));
        }
        let externs = check::externs(&task.book.workspace, &prepared.printed)?;
        let target = task.book.starter.target().await?;
        let _made = copy.with_files(&[(&file, &asked.program)])?;
        let into = copy.folder().join("checked");
        let compile = Job {
            words: check::rustc(&file, target, &into, externs),
            folder: copy.folder().to_owned(),
            environment: Vec::new(),
            limit: COMPILES,
            is_built: false,
            output: OUTPUT,
            shown: Shown::Nothing,
        };
        let ended = task.job(&compile).await?;
        let found = reasons(&ended.printed);
        let compiles = ended.code == Some(0);
        let declared = &offered.case.reasons;
        let said = match &ended.stopped {
            Some(why) => format!("Not to the end: {why}."),
            None => check::sentence(compiles, is_counted(&offered.id), &found, declared),
        };
        // A program that compiles is neither right nor wrong.
        let came = (!compiles).then_some(found == *declared);
        Ok(json!({ "said": said, "came": came, "compiles": compiles, "message": ended.printed }))
    })
}

/// Runs a program that compiles, and counts the managers that it made.
pub(super) async fn count(
    State(book): Shared,
    Json(asked): Json<Program>,
) -> Result<Response, Failed> {
    let offered = offers::case(&book.workspace, &asked.id)?.ok_or_else(Failed::unknown)?;
    if !is_counted(&offered.id) {
        return Err(Failed::unknown());
    }
    let permits = vec![book.starter.slot("copy").await?];
    Task::start(book, permits, move |task| async move {
        let Some(program) = check::with_a_count(&asked.program) else {
            let said = "It has no `fn main() {` on a line of its own, so it is not run.";
            return Ok(json!({ "said": said, "came": false }));
        };
        let copy = task.copy("book").await?;
        let file = format!("crates/{}/examples/{COUNTING}.rs", check::COUNTED);
        let _made = copy.with_files(&[(&file, &program)])?;
        let words = ["run", "-p", check::COUNTED, "--example", COUNTING];
        let ended = task.job(&in_copy(&copy, &words)).await?;
        let said = match &ended.stopped {
            Some(why) => format!("Not to the end: {why}."),
            None => check::count(&ended.printed),
        };
        Ok(json!({ "said": said }))
    })
}

#[derive(Deserialize)]
pub(super) struct Answer {
    name: String,
    code: String,
}

/// Judges an answer to an exercise.
pub(super) async fn answer(
    State(book): Shared,
    Json(answer): Json<Answer>,
) -> Result<Response, Failed> {
    let exercise = book.exercise(&answer.name)?;
    let permits = vec![book.starter.slot("copy").await?];
    Task::start(book, permits, move |task| async move {
        let copy = task.copy("book").await?;
        // The workspace excludes the exercises from its packages; the copy is inside the workspace, which
        // does not know its folder.
        let manifest = fs::read_to_string(copy.folder().join(MANIFEST))?;
        let _made = copy.with_files(&[
            (&exercise.file, &exercise.with(&answer.code)),
            (MANIFEST, &format!("{manifest}\n[workspace]\n")),
        ])?;
        let words = ["test", "--bin", &exercise.name];
        let mut job = in_copy(&copy, &words);
        job.folder.push("lessons/exercises");
        let ended = task.job(&job).await?;
        let (said, came) = match &ended.stopped {
            Some(why) => (format!("Not to the end: {why}."), false),
            None => exercise.judge(&ended.printed, ended.code == Some(0)),
        };
        Ok(json!({ "said": said, "came": came }))
    })
}

/// A command of cargo in the copy.
fn in_copy<T: AsRef<str>>(copy: &Copy, words: &[T]) -> Job {
    Job {
        words: offline(words),
        folder: copy.folder().to_owned(),
        environment: copy.environment(),
        limit: ENDS,
        is_built: true,
        output: OUTPUT,
        shown: Shown::All,
    }
}

/// Whether a case is about the crate that counts its managers.
pub(super) fn is_counted(case: &str) -> bool {
    case.split('/').next() == Some(check::COUNTED)
}

/// How a program ended, in a sentence.
fn how(ended: &Ended) -> String {
    match (&ended.stopped, ended.code) {
        (Some(why), _) => why.clone(),
        (None, Some(0)) => "it ended well".to_owned(),
        (None, Some(code)) => format!("it ended with exit code {code}"),
        (None, None) => "it was killed".to_owned(),
    }
}

impl Starter {
    pub(super) fn new(workspace: &Path, supervisor: Supervisor) -> Self {
        Self {
            workspace: workspace.to_owned(),
            supervisor,
            runs: Arc::new(Semaphore::new(RUNS)),
            slots: Mutex::default(),
            running: Mutex::default(),
            count: AtomicU64::default(),
            target: OnceCell::new(),
        }
    }

    /// Stops what has this number, and returns whether it still ran.
    pub(super) fn stop(&self, number: u64) -> bool {
        let running = lock(&self.running);
        let stop = running.get(&number);
        stop.inspect(|stop| stop.notify_one()).is_some()
    }

    /// The permit to start the one thing of this name.
    pub(super) async fn slot(&self, name: &str) -> Result<OwnedSemaphorePermit, Failed> {
        let slot = {
            let mut slots = lock(&self.slots);
            let slot = slots.entry(name.to_owned());
            Arc::clone(slot.or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        permit(slot).await
    }

    /// The permit to start one more command.
    async fn run(&self) -> Result<OwnedSemaphorePermit, Failed> {
        permit(Arc::clone(&self.runs)).await
    }

    async fn target(&self) -> Result<&Path> {
        let target = self.target.get_or_try_init(async || {
            let words = offline(&["metadata", "--no-deps", "--format-version=1"]);
            let mut command = std::process::Command::new(&words[0]);
            command.args(&words[1..]).current_dir(&self.workspace);
            forget_this_package(&mut command);
            let output = tokio::process::Command::from(command).output().await?;
            let metadata: Value = serde_json::from_slice(&output.stdout)?;
            let folder = metadata["target_directory"].as_str();
            let folder = folder.context("cargo names no target folder")?;
            anyhow::Ok(PathBuf::from(folder))
        });
        Ok(target.await?)
    }
}

async fn permit(slot: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failed> {
    match timeout(EXIT_TIMEOUT, slot.acquire_owned()).await {
        Ok(permit) => Ok(permit?),
        Err(_) => Err(Failed::busy()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Task {
    /// Starts a task and answers with what it sends, a line of JSON each. When the browser closes the
    /// connection, the job of the task ends.
    pub(super) fn start<F, W>(
        book: Arc<Book>,
        permits: Vec<OwnedSemaphorePermit>,
        run: F,
    ) -> Result<Response, Failed>
    where
        F: FnOnce(Arc<Self>) -> W + Send + 'static,
        W: Future<Output = Result<Value>> + Send,
    {
        let (page, sent) = mpsc::unbounded_channel::<Value>();
        tokio::spawn(async move {
            let task = Arc::new(Self {
                book,
                page,
                stop: Arc::new(Notify::new()),
                _permits: permits,
            });
            let starter = &task.book.starter;
            let number = starter.count.fetch_add(1, Ordering::Relaxed);
            lock(&starter.running).insert(number, Arc::clone(&task.stop));
            task.send(json!({ "number": number }));
            let ended = run(Arc::clone(&task)).await;
            lock(&starter.running).remove(&number);
            let failed = |error| json!({ "said": format!("{error:#}"), "came": false });
            task.send(ended.unwrap_or_else(failed));
        });
        let lines = unfold(sent, async |mut sent| {
            let line = sent.recv().await?;
            Some((Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))), sent))
        });
        let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
        Ok((headers, Body::from_stream(lines)).into_response())
    }

    pub(super) fn send(&self, line: Value) {
        // An error means that the page is gone, which ends the job.
        let _ = self.page.send(line);
    }

    pub(super) async fn job(&self, job: &Job) -> Result<Ended> {
        let supervisor = &self.book.starter.supervisor;
        Ok(job.run(supervisor, &self.page, &self.stop).await?)
    }

    async fn copy(&self, name: &str) -> Result<Copy> {
        let target = self.book.starter.target().await?;
        Copy::of(&self.book.workspace, target, name)
    }
}
