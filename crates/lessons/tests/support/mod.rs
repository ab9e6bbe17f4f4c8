//! The book as the tests in a browser open it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lessons::book::build;
use lessons::page::workspace;
use lessons::serve::serve;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The book, built and served until the test ends, and its address. The driver of the browser is asked
/// by calls that block, so a test that serves the book needs two threads.
pub(crate) async fn served() -> (TempDir, String) {
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = site.path().to_owned();
    tokio::spawn(async move { serve(listener, workspace(), &folder).await });
    (site, format!("http://{address}"))
}
