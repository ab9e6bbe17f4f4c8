//! Sends reads to two servers, and goes on with one when the other is gone.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use game::{Game, GameId, famous};
use program::server::Server;
use serde_json::json;
use tokio::task::JoinSet;

use crate::counted::Counted;

/// The two servers. Clones share them.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    servers: Arc<Mutex<Vec<Server>>>,
    urls: [String; 2],
    /// What each has counted last; it stays when the server is gone.
    counted: [Counted; 2],
}

impl Client {
    pub(super) fn new(servers: Vec<Server>) -> Self {
        let url = |at: usize| servers[at].url.clone();
        Self {
            urls: [url(0), url(1)],
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client without TLS needs nothing that could be missing"),
            servers: Arc::new(Mutex::new(servers)),
            counted: Default::default(),
        }
    }

    /// A number of this run.
    pub(super) fn run(&self) -> u32 {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers[0].process
    }

    pub(super) async fn add(&self, game: &Game) -> Result<()> {
        for url in &self.urls {
            let post = self.http.post(format!("{url}/games")).json(game);
            if let Ok(answer) = post.send().await {
                answer.error_for_status()?;
                return Ok(());
            }
        }
        bail!("no server is left")
    }

    /// Reads a game from a server, or from the other where that one is gone. Returns which is gone.
    pub(super) async fn read(self, at: usize, id: GameId) -> Result<(Game, Option<usize>)> {
        for (server, gone) in [(at, None), (1 - at, Some(at))] {
            let get = self.http.get(format!("{}/games/{id}", self.urls[server]));
            if let Ok(answer) = get.send().await {
                return Ok((answer.error_for_status()?.json().await?, gone));
            }
        }
        bail!("no server is left")
    }

    /// Waits for reads, and says once which server is gone.
    pub(super) async fn joined(
        &mut self,
        mut reads: JoinSet<Result<(Game, Option<usize>)>>,
        out: &mut impl Write,
    ) -> Result<()> {
        while let Some(read) = reads.join_next().await {
            let (_, gone) = read.context("a read panicked")??;
            if let Some(gone) = gone
                && self.urls[gone] != self.urls[1 - gone]
            {
                let (gone_is, other) = (gone + 1, 2 - gone);
                writeln!(
                    out,
                    "          server {gone_is} is gone; server {other} answers"
                )?;
                self.urls[gone] = self.urls[1 - gone].clone();
            }
        }
        Ok(())
    }

    pub(super) async fn moves(&self, at: usize, game: &Game) -> Result<usize> {
        let (game, _) = self.clone().read(at, game.id.clone()).await?;
        Ok(game.moves.len())
    }

    /// Plays the next move of a game that has five.
    pub(super) async fn play(&self, at: usize, game: &Game) -> Result<()> {
        let next = famous()[0].moves[5];
        let url = format!("{}/games/{}/moves", self.urls[at], game.id);
        let post = self
            .http
            .post(url)
            .json(&json!({ "move": next, "number": 6 }));
        post.send().await?.error_for_status()?;
        Ok(())
    }

    pub(super) async fn counted(&mut self) -> Result<[Counted; 2]> {
        for at in 0..2 {
            let is_gone = at == 1 && self.urls[0] == self.urls[1];
            let get = self.http.get(format!("{}/cache", self.urls[at]));
            if !is_gone && let Ok(answer) = get.send().await {
                self.counted[at] = answer.json().await?;
            }
        }
        Ok(self.counted.clone())
    }

    pub(super) async fn loads(&mut self) -> Result<u64> {
        let [one, two] = self.counted().await?;
        Ok(one.loads + two.loads)
    }

    pub(super) async fn end(self) {
        let servers = {
            let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *servers)
        };
        for server in servers {
            server.end().await;
        }
    }
}
