//! Servers as real processes, and the requests that are sent to them.

use std::process::{Command, ExitStatus, Stdio};

use game::Game;
use harness::Process;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::TestDatabase;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_stateless-server");

/// A running `stateless-server serve`; it ends with this value.
pub struct Server {
    pub url: String,
    pub process: Process,
    http: Client,
}

/// An answer with its status and its JSON.
pub type Answer = (StatusCode, Value);

impl Server {
    pub async fn serve(database: &TestDatabase) -> Self {
        Self::serve_with(&["--database", &database.flag()]).await
    }

    pub async fn serve_with(flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags);
        Self::spawn(command).await
    }

    /// Runs a command that becomes a server, and waits until it listens.
    pub async fn spawn(mut command: Command) -> Self {
        command.env_remove("DATABASE_URL").stdin(Stdio::null());
        // Tests start several servers at once, and a test's other tasks run meanwhile.
        let started = spawn_blocking(move || {
            let process = Process::start(&mut command);
            process.until_output("listening on ");
            (process.url(), process)
        });
        let (url, process) = started.await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { url, process, http }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .json(body)
            .send()
            .await?;
        Ok((answer.status(), answer.json().await?))
    }

    pub async fn get(&self, path: &str) -> Answer {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    pub async fn add_game(&self, id: &str) -> Answer {
        self.post("/games", &new_game(id)).await
    }

    /// `number` counts from 1; without it, the move goes to the end.
    pub async fn add_move(&self, id: &str, played: &str, number: Option<u32>) -> Answer {
        let path = format!("/games/{id}/moves");
        self.post(&path, &json!({ "move": played, "number": number }))
            .await
    }

    pub async fn game(&self, id: &str) -> Game {
        let (status, body) = self.get(&format!("/games/{id}")).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_value(body).unwrap()
    }

    pub async fn moves(&self, id: &str) -> Vec<String> {
        self.game(id)
            .await
            .moves
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    pub async fn health(&self) -> StatusCode {
        self.http
            .get(format!("{}/healthz", self.url))
            .send()
            .await
            .unwrap()
            .status()
    }

    /// Waits until it has ended by itself.
    pub async fn wait(mut self) -> ExitStatus {
        spawn_blocking(move || self.process.wait()).await.unwrap()
    }
}

pub fn new_game(id: &str) -> Value {
    json!({ "id": id, "white_player": "Morphy", "black_player": "Duke Karl" })
}
