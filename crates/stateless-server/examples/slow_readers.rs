//! What clients that never read their answers cost a server, and whether it gets its memory back.
//!
//! ```text
//! cargo build --release -p stateless-server
//! cargo run --release -p stateless-server --example slow_readers
//! ```
//!
//! For each line it starts a server with a list of games that is a megabyte long, and clients that ask
//! for the list ten times at once, without reading. `slow_readers PROGRAM` measures another build.
//! Linux only, for it reads `/proc`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use game::{Game, GameId, famous};
use harness::{Process, program_of_this_build};
use program::raise_descriptor_limit;
use reqwest::Client;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

const CLIENTS: [usize; 2] = [100, 1_500];
/// Enough for any number of clients above.
const DESCRIPTORS: u64 = 4_000;
const GAMES: usize = 100;
const MOVES_A_GAME: usize = 1_000;
const THERE_AND_BACK: [&str; 4] = ["g1f3", "g8f6", "f3g1", "f6g8"];
const REQUESTS_A_CLIENT: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Longer than the server waits for a client that takes nothing.
const WATCHED: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    let program = match env::args_os().nth(1) {
        Some(program) => PathBuf::from(program),
        None => program_of_this_build("stateless-server"),
    };
    raise_descriptor_limit(DESCRIPTORS);
    println!(
        "clients   MiB before  highest  after 60 s   slowest answer to a client that reads, ms"
    );
    for clients in CLIENTS {
        measure(&program, clients).await?;
    }
    Ok(())
}

async fn measure(program: &Path, clients: usize) -> Result<()> {
    let server = Process::start(
        Command::new(program)
            .args(["serve", "--in-memory", "--listen=127.0.0.1:0"])
            .stdin(Stdio::null()),
    );
    let address = server.url();
    let http = Client::builder().no_proxy().build()?;
    let games = format!("{address}/games");
    add_games(&http, &games).await?;
    let before = server.memory();

    let host = address.trim_start_matches("http://");
    let request = format!("GET /games?limit=1000 HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let requests = request.repeat(REQUESTS_A_CLIENT);
    let mut connected = Vec::with_capacity(clients);
    for _ in 0..clients {
        // The smallest buffer that the system gives: what waits is with the server, not in the kernel.
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(1)?;
        let mut client = socket.connect(host.parse()?).await?;
        client.write_all(requests.as_bytes()).await?;
        connected.push(client);
    }

    let one = format!("{games}/{}", id(0)?);
    let (mut highest, mut slowest) = (before, Duration::ZERO);
    let began = Instant::now();
    while began.elapsed() < WATCHED {
        highest = highest.max(server.memory());
        let asked = Instant::now();
        http.get(&one).send().await?.error_for_status()?;
        slowest = slowest.max(asked.elapsed());
        sleep(BETWEEN_LOOKS).await;
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{clients:>7}   {:>10.1}  {:>7.1}  {:>10.1}   {:>43}",
        mib(before),
        mib(highest),
        mib(server.memory()),
        slowest.as_millis(),
    );
    drop(connected);
    Ok(())
}

/// A list of games that is long enough: knights that go out and back.
async fn add_games(http: &Client, games: &str) -> Result<()> {
    let mut adding = JoinSet::new();
    for number in 0..GAMES {
        let (http, games) = (http.clone(), games.to_owned());
        adding.spawn(async move {
            let game = Game {
                id: id(number)?,
                ..famous().swap_remove(0).at_its_start()
            };
            let added = http.post(&games).json(&game).send().await?;
            added.error_for_status()?;
            let moves = format!("{games}/{}/moves", game.id);
            for played in THERE_AND_BACK.iter().cycle().take(MOVES_A_GAME) {
                let added = http.post(&moves).json(&json!({ "move": played }));
                added.send().await?.error_for_status()?;
            }
            anyhow::Ok(())
        });
    }
    adding
        .join_all()
        .await
        .into_iter()
        .collect::<Result<()>>()?;
    let list = http.get(format!("{games}?limit=1000")).send().await?;
    let length = list.error_for_status()?.bytes().await?.len();
    ensure!(length > 500_000, "a list of {length} bytes shows nothing");
    Ok(())
}

fn id(number: usize) -> Result<GameId> {
    Ok(format!("game-{number}").parse()?)
}
