//! What the served pages can start: the commands of a demonstration, a change to try, a program to check, an
//! answer to an exercise, a server for a challenge.
//!
//! The browser sends the name of something that a page offers, and text that goes into a file of a copy. It
//! never sends a command. Read `offers.rs` for what a page offers, `guard.rs` for who may ask, and `job.rs` for
//! the limits of what is started.

mod challenge;
mod check;
mod guard;
mod job;
mod offers;
mod start;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use program::supervisor::Supervisor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exercise::{Exercise, exercises, hash};
use crate::page::pages;
use crate::try_it::changes;
use guard::{Guard, write_for_owner};
use start::Starter;

/// How many bytes a page may send.
const BODY: usize = 64 * 1024;

/// What the pages of one server can start.
#[derive(Debug)]
pub struct Live {
    /// The routes below `/live`.
    pub router: Router,
    /// The address for the terminal, with the key in it.
    pub url: String,
}

/// What all handlers share.
#[derive(Debug)]
struct Book {
    workspace: PathBuf,
    guard: Guard,
    starter: Starter,
}

type Shared = State<Arc<Book>>;

impl Live {
    /// For a server that listens at `address`. If other machines can reach the address, nothing can be
    /// started.
    ///
    /// # Errors
    /// The key cannot be kept in the workspace's target folder.
    pub fn at(workspace: &Path, supervisor: Supervisor, address: SocketAddr) -> io::Result<Self> {
        let folder = target(workspace)?;
        let Some(guard) = Guard::at(address, &folder.join("book.key"))? else {
            return Ok(Self::off(address));
        };
        let url = format!("http://{address}/live/key?{}", guard.key());
        let book = Arc::new(Book {
            workspace: workspace.to_owned(),
            guard,
            starter: Starter::new(workspace, supervisor),
        });
        let router = Router::new()
            .route("/live", get(what_there_is))
            .route("/live/run", post(start::run))
            .route("/live/try", post(start::try_out))
            .route("/live/check", post(start::check))
            .route("/live/count", post(start::count))
            .route("/live/answer", post(start::answer))
            .route("/live/challenge", post(challenge::check))
            .route("/live/solution", post(solution))
            .route("/live/write", post(write))
            .route("/live/stop", post(stop))
            .layer(DefaultBodyLimit::max(BODY))
            .layer(from_fn_with_state(Arc::clone(&book), guarded))
            .route("/live/key", get(take_key))
            .with_state(book);
        Ok(Self { router, url })
    }

    /// The routes of a book whose pages can start nothing.
    pub fn off(address: SocketAddr) -> Self {
        // A page asks in any case, and a 404 would be an error in the browser's console.
        let nothing = get(async || Json(json!({})));
        Self {
            router: Router::new().route("/live", nothing),
            url: format!("http://{address}"),
        }
    }

    /// The address for a browser that this program opens: a file that leads to the server, because the
    /// arguments of a program are visible to every user of the machine, and the key is not.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn to_open(&self, workspace: &Path) -> io::Result<String> {
        let file = target(workspace)?.join("book.html");
        let url = &self.url;
        let text =
            format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={url}\">\n");
        write_for_owner(&file, &text)?;
        Ok(format!("file://{}", file.display()))
    }
}

/// The folder for the key, which is not checked in.
fn target(workspace: &Path) -> io::Result<PathBuf> {
    let folder = workspace.join("target");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Gives the cookie to a browser that comes with the key, and sends every browser to the first page.
async fn take_key(State(book): Shared, request: Request) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
    if request.uri().query() == Some(book.guard.key())
        && let Ok(cookie) = book.guard.cookie().parse()
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn guarded(State(book): Shared, request: Request, next: Next) -> Response {
    let mut response = match book.guard.refuses(request.method(), request.headers()) {
        // With status 200, because every other one is an error in the browser's console.
        Some(why) if why == guard::NO_KEY && request.method() == Method::GET => {
            let why = "To run this from the page, open the address that the book's terminal shows.";
            Json(json!({ "why": why })).into_response()
        }
        Some(why) => (StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

#[derive(Deserialize)]
struct Asked {
    /// `05-module-store.html`, or the file of a case.
    page: String,
}

/// What a page offers; the page finds its own blocks by their text.
async fn what_there_is(
    State(book): Shared,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Failed> {
    let name = asked.page.replace(".html", ".md");
    let all = pages(&book.workspace)?;
    let page = all.iter().find(|page| page.file == name);
    let runs = page.map(offers::runs).unwrap_or_default();
    let runs = runs
        .iter()
        .map(|run| json!({ "id": run.id, "command": run.command, "ends": run.ends }));
    let changes = page.map(changes).transpose()?.unwrap_or_default();
    let changes = changes.iter().map(|change| {
        let (files, diffs): (Vec<_>, Vec<_>) = change
            .edits
            .iter()
            .map(|edit| (&edit.file, &edit.diff))
            .unzip();
        json!({ "id": change.at, "files": files, "diffs": diffs })
    });
    let cases = offers::cases(&book.workspace, &asked.page, page)?;
    let cases = cases.iter().map(|offered| {
        let is_counted = start::is_counted(&offered.id);
        json!({
            "id": offered.id,
            "tried": offered.case.tried,
            "program": offers::without_head(&offered.program),
            "is_counted": is_counted,
        })
    });
    let exercises = exercises(&book.workspace)?;
    let exercises = exercises.iter().filter(|exercise| exercise.page == name);
    let exercises = exercises.map(|exercise| {
        json!({
            "name": exercise.name,
            "version": exercise.version(),
            "code": exercise.code,
            "seen": hash(&exercise.code),
            "shipped": exercise.shipped(&book.workspace),
            "tests": exercise.tests,
            "hints": exercise.hints,
        })
    });
    let challenges = page.map(|page| challenge::challenges(&book.workspace, page));
    let challenges = challenges.transpose()?.unwrap_or_default();
    let challenges = challenges.iter().map(|challenge| {
        json!({
            "name": challenge.name,
            "version": challenge.version(),
            "code": challenge.code,
        })
    });
    Ok(Json(json!({
        "token": book.guard.token(),
        "runs": runs.collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
        "cases": cases.collect::<Vec<_>>(),
        "exercises": exercises.collect::<Vec<_>>(),
        "challenges": challenges.collect::<Vec<_>>(),
    })))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn solution(State(book): Shared, Json(named): Json<Named>) -> Result<Json<Value>, Failed> {
    let exercise = book.exercise(&named.name)?;
    Ok(Json(json!({ "code": exercise.solution })))
}

#[derive(Deserialize)]
struct Written {
    name: String,
    code: String,
    /// The hash of the code that the page has seen in the file.
    seen: String,
}

/// Writes an answer to the file that rustlings reads.
async fn write(State(book): Shared, Json(written): Json<Written>) -> Result<Json<Value>, Failed> {
    let exercise = book.exercise(&written.name)?;
    if hash(&exercise.code) != written.seen {
        return Err(Failed::new(
            StatusCode::CONFLICT,
            "the file was changed outside the page: take its text first, or change it there",
        ));
    }
    std::fs::write(
        book.workspace.join(&exercise.file),
        exercise.with(&written.code),
    )?;
    let exercise = book.exercise(&written.name)?;
    Ok(Json(json!({ "seen": hash(&exercise.code) })))
}

#[derive(Deserialize)]
struct Stopped {
    number: u64,
}

async fn stop(State(book): Shared, Json(stopped): Json<Stopped>) -> StatusCode {
    match book.starter.stop(stopped.number) {
        true => StatusCode::NO_CONTENT,
        // It has just ended by itself.
        false => StatusCode::GONE,
    }
}

impl Book {
    fn exercise(&self, name: &str) -> Result<Exercise, Failed> {
        let mut all = exercises(&self.workspace)?.into_iter();
        all.find(|exercise| exercise.name == name)
            .ok_or_else(Failed::unknown)
    }
}

/// A request that starts nothing, and why.
struct Failed(StatusCode, String);

impl Failed {
    fn new(status: StatusCode, why: &str) -> Self {
        Self(status, why.to_owned())
    }

    fn unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "the page does not offer this any more: load it again",
        )
    }

    fn busy() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "this already runs, here or in another window: stop it first",
        )
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{:#}", error.into()),
        )
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}
