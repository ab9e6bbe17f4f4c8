//! Serves the book, and builds it again when a page was changed.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as PathOf, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tower_http::services::ServeDir;

use crate::changes::newest;
use crate::site::Site;

/// How often it is looked whether a file was changed.
const LOOK: Duration = Duration::from_millis(200);

/// The book that is served now.
type Sites = watch::Sender<Arc<Site>>;

/// Serves a book, and those that are built in its place, until it is dropped; `live` has the addresses at
/// which its pages start something.
pub async fn serve(listener: TcpListener, workspace: PathBuf, site: Site, live: Router) {
    let sites = watch::Sender::new(Arc::new(site));
    let router = Router::new()
        .route("/version/{*page}", get(version))
        .fallback(file)
        .with_state(sites.clone())
        .merge(live);
    tokio::select! {
        () = program::http::serve(listener, router, pending()) => {}
        () = build_again(&workspace, &sites) => {}
    }
}

/// The version of a page, which the page asks for once a second: see follow.js.
async fn version(State(sites): State<Sites>, PathOf(page): PathOf<String>) -> Response {
    let site = Arc::clone(&sites.borrow());
    let version = site.version(&page).map(ToOwned::to_owned);
    let version = version.ok_or((StatusCode::NOT_FOUND, "there is no such page\n"));
    ([(CACHE_CONTROL, "no-store")], version).into_response()
}

async fn file(State(sites): State<Sites>, request: Request) -> Response {
    // Kept until the file is open: from then on it can be read, though its folder is deleted.
    let site = Arc::clone(&sites.borrow());
    let answer = ServeDir::new(site.folder()).try_call(request).await;
    let mut answer = match answer {
        Ok(answer) => answer.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    };
    let headers = answer.headers_mut();
    // A page on the way back is asked for again, since it may have been changed.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The rest of the policy is in the page; this cannot be said there. The table of contents is a
    // frame where there is no script.
    let frames = HeaderValue::from_static("frame-ancestors 'self'");
    headers.insert(CONTENT_SECURITY_POLICY, frames);
    answer
}

async fn build_again(workspace: &Path, sites: &Sites) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = sites.borrow().made_of();
    loop {
        ticks.tick().await;
        let now = newest(workspace);
        if now == seen {
            continue;
        }
        seen = now;
        let place = workspace.to_owned();
        // If the program ends meanwhile, the runtime waits for this, and then drops the book that was
        // built, with its folder.
        match tokio::task::spawn_blocking(move || Site::build(&place)).await {
            Ok(Ok(site)) => {
                sites.send_replace(Arc::new(site));
            }
            // The former book stays, and the next change is another try.
            Ok(Err(error)) => eprintln!("error: {error:#}"),
            Err(error) => eprintln!("error: {error}"),
        }
    }
}
