//! What an operator does with a fleet that runs: add a server, take one away, restart one.
//!
//! `serve` prints an address on which [`commands`] takes these three as requests.

pub mod commands;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::{Error, Result, bail};
use program::server::Server;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;

use crate::fleet::{Fleet, address};
use crate::router::Router;
use crate::router::handover::DrainError;

/// The score of a room has one byte for the server's number.
const MAX_NUMBER: usize = 255;

/// The servers of a router, each restarted when it ends by itself.
#[derive(Debug)]
pub struct Operator {
    fleet: Fleet,
    router: Arc<Router>,
    restart_after: Duration,
    kept: std::sync::Mutex<BTreeMap<usize, Kept>>,
    failed: mpsc::UnboundedSender<Error>,
    /// Held during a change, so that two operators do not both start server 4.
    changing: Mutex<()>,
}

/// A server that is kept running.
#[derive(Debug)]
struct Kept {
    end: watch::Sender<()>,
    keeping: JoinHandle<()>,
}

/// A server that has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its number.
    pub server: usize,
    /// The rooms with visitors that were moved to it.
    pub moved: usize,
}

impl Operator {
    /// Keeps these servers, which the router has, running. What goes wrong with one later is sent to the
    /// receiver.
    pub fn new(
        fleet: Fleet,
        router: Arc<Router>,
        servers: Vec<Server>,
        restart_after: Duration,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Error>) {
        let (failed, failures) = mpsc::unbounded_channel();
        let operator = Arc::new(Self {
            fleet,
            router,
            restart_after,
            kept: std::sync::Mutex::default(),
            failed,
            changing: Mutex::new(()),
        });
        for server in servers {
            operator.keep(server);
        }
        (operator, failures)
    }

    /// Starts another server, and moves its share of the rooms to it.
    ///
    /// # Errors
    /// It does not begin to listen, or there are 255.
    pub async fn join(&self) -> Result<Joined> {
        let _changing = self.changing.lock().await;
        let number = 1 + self.kept().keys().next_back().copied().unwrap_or(0);
        if number > MAX_NUMBER {
            bail!("server {MAX_NUMBER} is the last one that can join");
        }
        let moved = self.start(number).await?;
        Ok(Joined {
            server: number,
            moved,
        })
    }

    /// Moves the rooms of a server to the others, and ends it. Returns how many rooms with visitors were moved.
    ///
    /// # Errors
    /// There is no such server, or no other one.
    pub async fn drain(&self, number: usize) -> Result<usize> {
        let _changing = self.changing.lock().await;
        Ok(self.take_away(number).await?)
    }

    /// Moves the rooms of a server away, restarts it, and moves them home. Returns how many rooms with visitors
    /// were moved, each away and home.
    ///
    /// # Errors
    /// There is no such server, or no other one, or it does not begin to listen again; then it is not
    /// in use any more.
    pub async fn restart(&self, number: usize) -> Result<usize> {
        let _changing = self.changing.lock().await;
        let away = self.take_away(number).await?;
        let home = self.start(number).await?;
        Ok(away + home)
    }

    /// The numbers of the servers.
    pub fn servers(&self) -> Vec<usize> {
        self.kept().keys().copied().collect()
    }

    /// Ends all servers: each closes its rooms with 1012, and its database.
    pub async fn end(&self) {
        let all = std::mem::take(&mut *self.kept());
        for kept in all.values() {
            kept.end.send_replace(());
        }
        for kept in all.into_values() {
            // An error means that it panicked, and a server ends with the value that keeps it.
            let _ = kept.keeping.await;
        }
    }

    async fn start(&self, number: usize) -> Result<usize> {
        let server = self.fleet.start(number, ([127, 0, 0, 1], 0).into()).await?;
        let address: SocketAddr = address(&server)?;
        self.keep(server);
        Ok(self.router.join(number, address).await)
    }

    async fn take_away(&self, number: usize) -> Result<usize, DrainError> {
        let moved = self.router.drain(number).await?;
        let kept = self.kept().remove(&number);
        if let Some(kept) = kept {
            kept.end.send_replace(());
            let _ = kept.keeping.await;
        }
        Ok(moved)
    }

    fn keep(&self, server: Server) {
        let (end, ending) = watch::channel(());
        let (number, pause) = (server.number, self.restart_after);
        let (fleet, failed) = (self.fleet.clone(), self.failed.clone());
        let keeping = tokio::spawn(async move {
            if let Err(error) = fleet.keep(server, pause, ending).await {
                // Without a receiver, the program ends already.
                let _ = failed.send(error);
            }
        });
        self.kept().insert(number, Kept { end, keeping });
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
