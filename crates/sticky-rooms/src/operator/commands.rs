//! An operator's commands as requests: `curl -X POST http://127.0.0.1:PORT/KEY/join`.
//!
//! The key is in the address because a machine may have other users, and because any page in a browser of
//! this machine can send a request to a port of it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;

use super::Operator;
use crate::router::handover::DrainError;
use crate::seats::new_token;

type Answer = (StatusCode, String);

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

async fn join(State(operator): State<Arc<Operator>>) -> Answer {
    match operator.join().await {
        Ok(change) => done(format!(
            "server {} has joined; rooms moved to it: {}\n",
            change.server, change.moved
        )),
        Err(error) => failed(&error),
    }
}

async fn drain(State(operator): State<Arc<Operator>>, Path(number): Path<usize>) -> Answer {
    match operator.drain(number).await {
        Ok(change) => done(format!(
            "server {number} is drained and has ended; rooms moved: {}\n",
            change.moved
        )),
        Err(error) => failed(&error),
    }
}

async fn restart(State(operator): State<Arc<Operator>>, Path(number): Path<usize>) -> Answer {
    match operator.restart(number).await {
        Ok(change) => done(format!(
            "server {number} is restarted; rooms moved, away or home: {}\n",
            change.moved
        )),
        Err(error) => failed(&error),
    }
}

/// A rolling restart: one server after the other.
async fn restart_all(State(operator): State<Arc<Operator>>) -> Answer {
    let mut moved = 0;
    let servers = operator.servers();
    for number in &servers {
        match operator.restart(*number).await {
            Ok(change) => moved += change.moved,
            Err(error) => return failed(&error),
        }
    }
    done(format!(
        "{} servers are restarted; rooms moved, away or home: {moved}\n",
        servers.len()
    ))
}

fn done(text: String) -> Answer {
    (StatusCode::OK, text)
}

fn failed(error: &anyhow::Error) -> Answer {
    let status = match error.downcast_ref::<DrainError>() {
        Some(DrainError::Unknown(_)) => StatusCode::NOT_FOUND,
        Some(DrainError::LastOne(_)) => StatusCode::CONFLICT,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{error:#}\n"))
}
