//! What an idle room and an idle visitor cost a server: `cargo run --release -p sticky-rooms --example
//! memory`. Linux only, for it reads `/proc`.

use std::env;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use harness::memory_of;
use program::server::{LISTENING, Server};
use program::stdin_closed;
use stateless_server::DatabaseUrl;
use stateless_server::store::Database;
use sticky_rooms::rooms::Rooms;
use sticky_rooms::seats::Seats;
use sticky_rooms::{fleet, server};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// With two visitors each, a process stays below 20,000 descriptors.
const ROOMS: usize = 9_500;

#[tokio::main]
async fn main() -> Result<()> {
    rlimit::increase_nofile_limit(20_000).context("the limit of open files cannot be raised")?;
    if let Some(file) = env::args().nth(1) {
        return serve(&file).await;
    }
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg(directory.path().join("games.db"));
    let server = Server::spawn(command, 1).await?;
    let address = fleet::address(&server)?;
    // What the first few need of everything is not counted.
    let mut here = vec![enter(address, 0).await?];
    let empty = memory_of(server.process);
    for room in 1..=ROOMS {
        here.push(enter(address, room).await?);
    }
    let rooms = memory_of(server.process);
    for room in 1..=ROOMS {
        here.push(enter(address, room).await?);
    }
    let visitors = memory_of(server.process);
    let each = |bytes: u64| bytes as f64 / ROOMS as f64 / 1024.0;
    println!("{ROOMS} idle rooms on one server, memory of its own (PSS):");
    println!("a room with one visitor  {:>5.1} KiB", each(rooms - empty));
    println!(
        "a visitor more           {:>5.1} KiB",
        each(visitors - rooms)
    );
    drop(here);
    server.end().await;
    Ok(())
}

type Visitor = tokio_tungstenite::WebSocketStream<TcpStream>;

/// Enters and waits for the room's first frame.
async fn enter(address: SocketAddr, room: usize) -> Result<Visitor> {
    let stream = TcpStream::connect(address).await?;
    let small = WebSocketConfig::default()
        .read_buffer_size(512)
        .write_buffer_size(0);
    let url = format!("ws://{address}/rooms/room-{room}");
    let (mut visitor, _) =
        tokio_tungstenite::client_async_with_config(url, stream, Some(small)).await?;
    visitor.next().await.context("the server says nothing")??;
    Ok(visitor)
}

async fn serve(file: &str) -> Result<()> {
    let database = Database::open(&DatabaseUrl::sqlite(file)).await?;
    let seats = Seats::open(&database).await?;
    let router = server::router(Rooms::new(1, database, seats), server::Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{LISTENING}http://{} (memory)", listener.local_addr()?);
    tokio::select! {
        ended = axum::serve(listener, router) => Ok(ended?),
        () = stdin_closed() => Ok(()),
    }
}
