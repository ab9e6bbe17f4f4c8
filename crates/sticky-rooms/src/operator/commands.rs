//! An operator's commands as requests: `curl -X POST http://127.0.0.1:PORT/KEY/join`.
//!
//! The key is in the address because a machine may have other users, and because any page in a browser of
//! this machine can send a request to a port of it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Error;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::{Joined, Operator};
use crate::router::handover::DrainError;
use crate::seats::new_token;

/// The routes, and the address to which they are added.
pub fn commands(operator: Arc<Operator>, listen: SocketAddr) -> (Router, String) {
    let key = new_token();
    let routes = Router::new()
        .route("/join", post(join))
        .route("/drain/{number}", post(drain))
        .route("/restart/{number}", post(restart))
        .route("/restart", post(restart_all))
        .with_state(operator);
    let address = format!("http://{listen}/{key}");
    (Router::new().nest(&format!("/{key}"), routes), address)
}

async fn join(State(operator): State<Arc<Operator>>) -> Result<String, Failed> {
    let Joined { server, moved } = operator.join().await?;
    Ok(format!(
        "server {server} has joined; rooms moved to it: {moved}\n"
    ))
}

async fn drain(
    State(operator): State<Arc<Operator>>,
    Path(number): Path<usize>,
) -> Result<String, Failed> {
    let moved = operator.drain(number).await?;
    Ok(format!(
        "server {number} is drained and has ended; rooms moved: {moved}\n"
    ))
}

async fn restart(
    State(operator): State<Arc<Operator>>,
    Path(number): Path<usize>,
) -> Result<String, Failed> {
    let moved = operator.restart(number).await?;
    Ok(format!(
        "server {number} is restarted; rooms moved, away or home: {moved}\n"
    ))
}

/// A rolling restart: one server after the other.
async fn restart_all(State(operator): State<Arc<Operator>>) -> Result<String, Failed> {
    let mut moved = 0;
    let servers = operator.servers();
    for number in &servers {
        moved += operator.restart(*number).await?;
    }
    Ok(format!(
        "{} servers are restarted; rooms moved, away or home: {moved}\n",
        servers.len()
    ))
}

/// A change that was not made, or not to its end.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = match error.downcast_ref::<DrainError>() {
            Some(DrainError::Unknown(_)) => StatusCode::NOT_FOUND,
            Some(DrainError::LastOne(_)) => StatusCode::CONFLICT,
            None => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{error:#}\n")).into_response()
    }
}
