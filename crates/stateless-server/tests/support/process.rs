//! Servers as real processes, and the requests that are sent to them.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use game::Game;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::TestDatabase;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_stateless-server");

/// A running `stateless-server serve`; it ends with this value.
pub struct Process {
    pub url: String,
    pub child: Child,
    http: Client,
    /// What it says of its troubles, which is of interest when a test fails.
    log: Arc<Mutex<Vec<u8>>>,
}

/// An answer with its status and its JSON.
pub type Answer = (StatusCode, Value);

impl Process {
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

    /// Runs a command that ends up as a server, and waits until it listens.
    pub async fn spawn(mut command: Command) -> Self {
        let mut child = command
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::default();
        let collected = tokio::spawn(collect(child.stderr.take().unwrap(), Arc::clone(&log)));
        let line = first_line(child.stdout.take().unwrap()).await;
        if line.is_empty() {
            // It has ended, and has said why.
            collected.await.unwrap();
            let why = String::from_utf8_lossy(&log.lock().unwrap()).into_owned();
            panic!("it listens nowhere: {why}");
        }
        let url = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_else(|| panic!("said {line:?}"));
        let http = Client::builder().no_proxy().build().unwrap();
        Self {
            url: url.to_owned(),
            child,
            http,
            log,
        }
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

    /// What it has said of its troubles so far.
    pub fn said(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    /// SIGKILL: nothing is saved, nobody is told.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub async fn signal(&self, name: &str) {
        send_signal(self.child.id().unwrap(), name).await;
    }

    pub async fn ended(mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.url, self.said());
        }
    }
}

async fn collect(mut output: ChildStderr, log: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        log.lock().unwrap().extend_from_slice(&buffer[..length]);
    }
}

pub async fn send_signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .await;
    assert!(sent.unwrap().success());
}

pub fn new_game(id: &str) -> Value {
    json!({ "id": id, "white_player": "Morphy", "black_player": "Duke Karl" })
}

/// What a process says first; the rest is read and passed over, so that it never has to wait.
async fn first_line(output: ChildStdout) -> String {
    let mut lines = BufReader::new(output).lines();
    let line = lines.next_line().await.unwrap().unwrap_or_default();
    tokio::spawn(async move { lines.into_inner().read_to_end(&mut Vec::new()).await });
    line
}
