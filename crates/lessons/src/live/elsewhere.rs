//! The addresses below `/live` on systems other than Linux, where nothing is started.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use axum::routing::get;
use axum::{Json, Router};
use program::supervisor::Supervisor;
use serde_json::json;

const WHY: &str = "Run, Try and Check work on Linux only: on this system a program that the page \
    starts could outlive the book. Type the commands in a terminal.";

/// What the pages of one server can start: nothing.
#[derive(Debug)]
pub struct Live {
    /// The routes below `/live`.
    pub router: Router,
    /// The address for the terminal.
    pub url: String,
}

impl Live {
    /// Says why nothing can be started.
    ///
    /// # Errors
    /// None on this system.
    pub fn at(_: &Path, _: Supervisor, address: SocketAddr) -> io::Result<Self> {
        let why = json!({ "why": WHY });
        Ok(Self {
            router: Router::new().route("/live", get(async || Json(why))),
            url: format!("http://{address}"),
        })
    }

    /// Says nothing at all.
    pub fn off(address: SocketAddr) -> Self {
        Self {
            router: Router::new().route("/live", get(async || Json(json!({})))),
            url: format!("http://{address}"),
        }
    }

    /// The address that a browser is to open.
    ///
    /// # Errors
    /// None on this system.
    pub fn to_open(&self, _: &Path) -> io::Result<String> {
        Ok(self.url.clone())
    }
}
