//! Serves the book, and builds it again when a page was changed.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tower_http::services::ServeDir;

use crate::book;
use crate::changes::newest;

/// How often it is looked whether a file was changed.
const LOOK: Duration = Duration::from_millis(200);

/// Serves a book that is built in this folder, until it is dropped.
///
/// # Errors
/// The listener broke.
pub async fn serve(listener: TcpListener, workspace: PathBuf, site: &Path) -> Result<()> {
    let (built, _) = watch::channel(());
    let router = Router::new()
        .route("/built", get(tell_when_built))
        .with_state(built.clone())
        .fallback_service(ServeDir::new(site));
    tokio::select! {
        () = program::http::serve(listener, router, pending()) => Ok(()),
        () = build_again(workspace, site.to_owned(), built) => Ok(()),
    }
}

/// A message whenever the book was built again.
async fn tell_when_built(
    State(built): State<watch::Sender<()>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let told = unfold(built.subscribe(), async |mut built| {
        built.changed().await.ok()?;
        Some((Ok(Event::default().data("built")), built))
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}

async fn build_again(workspace: PathBuf, site: PathBuf, built: watch::Sender<()>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = newest(&workspace);
    loop {
        ticks.tick().await;
        let now = newest(&workspace);
        if now == seen {
            continue;
        }
        seen = now;
        let (workspace, site) = (workspace.clone(), site.clone());
        match tokio::task::spawn_blocking(move || book::write(&workspace, &site)).await {
            Ok(Ok(())) => {
                built.send_replace(());
            }
            // The former book stays, and the next change is another try.
            Ok(Err(error)) => eprintln!("error: {error:#}"),
            Err(error) => eprintln!("error: {error}"),
        }
    }
}
