//! The book as the tests in a browser open it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use lessons::live::Live;
use lessons::page::workspace;
use lessons::serve::serve;
use lessons::site::Site;
use tokio::net::TcpListener;

/// The address of the book, which is built now and served until the test ends. The driver of the browser
/// is asked by calls that block, so a test that serves the book needs two threads.
pub(crate) async fn served() -> String {
    served_from(&workspace()).await
}

/// The address of a book of these pages.
pub(crate) async fn served_from(workspace: &Path) -> String {
    let site = Site::build(workspace).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let workspace = workspace.to_owned();
    tokio::spawn(async move { serve(listener, workspace, site, Live::off(address).router).await });
    format!("http://{address}")
}
