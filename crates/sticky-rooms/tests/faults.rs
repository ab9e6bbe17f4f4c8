//! Lesson 4: thirty rooms play on while something around them goes wrong.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sticky_rooms::deploy::nth_move;
use sticky_rooms::proxy::Program;
use sticky_rooms::router::owner::owner;
use support::{TIMEOUT, Visitor, answer, handshake, is_missing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const ROOMS: usize = 30;

/// `serve`, as a student starts it.
struct Serve {
    child: Child,
    router: SocketAddr,
    /// Address and process of each server.
    servers: Vec<(SocketAddr, u32)>,
    output: mpsc::Receiver<String>,
    /// Lines that were received while another one was awaited. The lines of stdout and those of stderr
    /// come in any order: two threads read them.
    skipped: RefCell<Vec<String>>,
    directory: tempfile::TempDir,
}

impl Serve {
    /// With this many descriptors, in it and in each of its servers.
    fn start(descriptors: u32, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", directory.path().join("games.db").display());
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n $0 && exec \"$@\""])
            .arg(descriptors.to_string())
            .arg(env!("CARGO_BIN_EXE_sticky-rooms"))
            .args(["serve", "--listen", "127.0.0.1:0", "--database", &database])
            .args(flags)
            .env_remove("DATABASE_URL")
            // What it leaves behind when it is killed.
            .env("TMPDIR", directory.path())
            // A proxy of the environment that is not there: nothing on this machine is asked through it.
            .env("http_proxy", "http://127.0.0.1:9")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, output) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let to = send.clone();
        std::thread::spawn(move || {
            stdout
                .map_while(Result::ok)
                .for_each(|line| drop(to.send(line)));
        });
        std::thread::spawn(move || {
            stderr
                .map_while(Result::ok)
                .for_each(|line| drop(send.send(line)));
        });
        let mut serve = Self {
            child,
            router: ([127, 0, 0, 1], 0).into(),
            servers: Vec::new(),
            output,
            skipped: RefCell::default(),
            directory,
        };
        let first = serve.line("sticky-rooms: http://");
        serve.router = address(&first);
        for number in 1..=3 {
            let line = serve.line(&format!("server {number}: "));
            serve.servers.push((address(&line), process(&line)));
        }
        serve
    }

    /// The next line with this in it, which may have been printed before the line that was returned last.
    fn line(&self, part: &str) -> String {
        let mut skipped = self.skipped.borrow_mut();
        if let Some(at) = skipped.iter().position(|line| line.contains(part)) {
            return skipped.remove(at);
        }
        let until = Instant::now() + TIMEOUT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.output.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no line with {part:?}"));
            if line.contains(part) {
                return line;
            }
            skipped.push(line);
        }
    }

    /// The lines that were printed and not returned yet.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.skipped.take();
        lines.extend(self.output.try_iter());
        lines
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits until it has ended.
    fn ended(&mut self) {
        let until = Instant::now() + TIMEOUT;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "serve does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn address(line: &str) -> SocketAddr {
    let rest = line.split("http://").nth(1).unwrap();
    rest.split(['/', ' ']).next().unwrap().parse().unwrap()
}

fn process(line: &str) -> u32 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Two players in each room, who play for as long as is asked of them.
struct Games {
    rooms: Vec<(String, [Visitor; 2])>,
    moves: usize,
}

impl Games {
    async fn sit_down(router: SocketAddr) -> Self {
        let mut rooms = Vec::new();
        for number in 1..=ROOMS {
            let room = format!("room-{number}");
            let white = Visitor::sit(router, &room, "white").await;
            let black = Visitor::sit(router, &room, "black").await;
            rooms.push((room, [white, black]));
        }
        Self { rooms, moves: 0 }
    }

    /// One move in each room, seen by both players. A player who was cut makes the test red.
    async fn play(&mut self) {
        self.moves += 1;
        let (number, played) = (self.moves, nth_move(self.moves));
        let moves = self.rooms.iter_mut().map(|(_, [white, black])| {
            let played = &played;
            async move {
                let (mover, other) = match number % 2 {
                    1 => (white, black),
                    _ => (black, white),
                };
                mover.play(number, played).await;
                assert_eq!(other.receive("move").await["move"], *played);
            }
        });
        join_all(moves).await;
    }
}

/// Asks for a room's WebSocket, and returns the status of the answer; none if the connection broke.
async fn newcomer(router: SocketAddr, room: String) -> (Option<u16>, Option<TcpStream>) {
    let asking = async {
        let mut stream = TcpStream::connect(router).await?;
        let request = handshake(&format!("/rooms/{room}"), "");
        stream.write_all(request.as_bytes()).await?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await?;
        let status = String::from_utf8_lossy(&begin[9..]).into_owned();
        std::io::Result::Ok((status, stream))
    };
    match timeout(TIMEOUT, asking).await {
        Ok(Ok((status, stream))) => (status.parse().ok(), Some(stream)),
        _ => (None, None),
    }
}

/// How many newcomers got which status, and the connections that they keep.
async fn crowd(router: SocketAddr, size: usize) -> (BTreeMap<u16, usize>, Vec<TcpStream>) {
    let newcomers =
        (0..size).map(|number| tokio::spawn(newcomer(router, format!("crowd-{}", number % 100))));
    let (mut statuses, mut streams) = (BTreeMap::new(), Vec::new());
    for came in join_all(newcomers).await {
        let (status, stream) = came.unwrap();
        *statuses.entry(status.unwrap_or(0)).or_default() += 1;
        if status == Some(101) {
            streams.extend(stream);
        }
    }
    (statuses, streams)
}

#[tokio::test]
async fn above_its_capacity_the_router_refuses_newcomers_and_thirty_rooms_play_on() {
    let serve = Serve::start(400, &[]);
    let mut games = Games::sit_down(serve.router).await;
    games.play().await;
    let coming = tokio::spawn(crowd(serve.router, 500));
    while !coming.is_finished() {
        games.play().await;
    }
    let (statuses, here) = coming.await.unwrap();
    for _ in 0..20 {
        games.play().await;
    }
    let (let_in, refused) = (statuses[&101], statuses[&503]);
    // (400 - 128) / 2 places, of which the players have 60.
    assert!(let_in <= 76, "{statuses:?}");
    assert!(let_in >= 60, "{statuses:?}");
    assert_eq!(let_in + refused, 500, "{statuses:?}");
    drop(here);
    let until = Instant::now() + TIMEOUT;
    while newcomer(serve.router, "later".to_owned()).await.0 != Some(101) {
        assert!(Instant::now() < until, "no place is free again");
    }
}

#[tokio::test]
async fn thirty_rooms_play_on_while_six_hundred_visitors_arrive_at_once() {
    let serve = Serve::start(4_096, &[]);
    let mut games = Games::sit_down(serve.router).await;
    let coming = tokio::spawn(crowd(serve.router, 600));
    while !coming.is_finished() {
        games.play().await;
    }
    let (statuses, _here) = coming.await.unwrap();
    assert_eq!(statuses, BTreeMap::from([(101, 600)]));
    games.play().await;
}

#[tokio::test]
async fn thirty_rooms_play_on_after_the_router_stood_still_for_three_seconds() {
    let serve = Serve::start(4_096, &[]);
    let mut games = Games::sit_down(serve.router).await;
    games.play().await;
    serve.signal("STOP");
    // Not a wait for something: this is how long the router does not run.
    tokio::time::sleep(Duration::from_secs(3)).await;
    serve.signal("CONT");
    for _ in 0..50 {
        games.play().await;
    }
}

#[tokio::test]
async fn the_other_rooms_play_on_while_a_server_cannot_be_restarted_which_is_printed_once() {
    let serve = Serve::start(4_096, &["--restart-after", "300ms"]);
    let mut games = Games::sit_down(serve.router).await;
    games.play().await;
    let (address, process) = serve.servers[1];
    let on_two = |room: &String| owner(room, &[1, 2, 3]) == Some(2);
    games.rooms.retain(|(room, _)| !on_two(room));
    signal(process, "KILL");
    let taken = loop {
        match TcpListener::bind(address).await {
            Ok(taken) => break taken,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    serve.line("server 2 ended");
    let first = serve.line("cannot listen at");
    assert!(first.contains(&address.to_string()), "{first}");
    serve.line("server 2 cannot be started; trying again");
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        games.play().await;
    }
    let mut more = serve.lines();
    more.retain(|line| line.contains("cannot"));
    assert!(more.is_empty(), "it is printed once: {more:?}");
    drop(taken);
    while !serve
        .lines()
        .iter()
        .any(|line| line.contains("server 2: http://"))
    {
        games.play().await;
    }
}

#[tokio::test]
async fn serve_that_is_asked_to_end_closes_with_1012_and_leaves_no_journal_of_sqlite() {
    let mut serve = Serve::start(1_024, &[]);
    let mut games = Games::sit_down(serve.router).await;
    games.play().await;
    serve.signal("TERM");
    for (room, players) in &mut games.rooms {
        for player in players {
            assert_eq!(player.closed().await, Some(1012), "{room}");
        }
    }
    serve.ended();
    let files = files(serve.directory.path());
    assert_eq!(files, ["games.db"]);
}

/// The status and the text of the answer to an operator's command.
async fn command(address: SocketAddr, path: &str) -> (u16, String) {
    let request = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let response = answer(address, &request).await;
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, text) = response.split_once("\r\n\r\n").unwrap();
    (status, text.to_owned())
}

#[tokio::test]
async fn an_operator_with_the_key_adds_a_server_and_takes_all_others_away_but_not_the_last_one() {
    let serve = Serve::start(4_096, &[]);
    let line = serve.line("operator: curl -X POST http://");
    let (address, rest) = (address(&line), line.split("http://").nth(1).unwrap());
    let (_, key) = rest.split_once('/').unwrap();
    let key = key.split('/').next().unwrap();
    // A room that goes from server 2 to server 4.
    let is_it =
        |room: &String| owner(room, &[1, 2, 3, 4]) == Some(2) && owner(room, &[1, 3, 4]) == Some(4);
    let mut names = (1..).map(|number| format!("room-{number}"));
    let room = &names.find(is_it).unwrap();
    let mut white = Visitor::sit(serve.router, room, "white").await;
    white.play(1, "e2e4").await;

    assert_eq!(command(address, "/join").await.0, 404);
    assert_eq!(command(address, "/0123456789abcdef/join").await.0, 404);
    let joined = command(address, &format!("/{key}/join")).await;
    let text = "server 4 has joined; rooms moved to it: 0\n";
    assert_eq!(joined, (200, text.to_owned()));
    let path = format!("/{key}/drain/2");
    let comes_back = async {
        assert_eq!(white.closed().await, Some(1012));
        // It is let in when the room can be opened on its new server.
        drop(white.socket);
        Visitor::enter(serve.router, room).await
    };
    let (drained, white) = tokio::join!(command(address, &path), comes_back);
    let text = "server 2 is drained and has ended; rooms moved: 1\n";
    assert_eq!(drained, (200, text.to_owned()));
    assert!(!runs(serve.servers[1].1));
    assert_eq!(white.whole["server"], 4);
    assert_eq!(white.whole["moves"], serde_json::json!(["e2e4"]));

    for (path, status) in [
        ("drain/1", 200),
        ("drain/3", 200),
        ("drain/4", 409),
        ("drain/1", 404),
        ("drain/one", 400),
    ] {
        let (answered, text) = command(address, &format!("/{key}/{path}")).await;
        assert_eq!(answered, status, "{path}: {text}");
    }
}

/// Whether a process is there; a zombie is not.
fn runs(process: u32) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", &process.to_string()])
        .output();
    let state = state.unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}

/// Behind a proxy: TERM closes with 1012 and frees the port; `kill -9` frees the port, and ends the
/// servers.
async fn a_proxy_ends_with_serve(program: Program) {
    if is_missing(program) {
        return;
    }
    for signal in ["TERM", "KILL"] {
        let mut serve = Serve::start(4_096, &["--proxy", program.name()]);
        // The port is first the program's own, and then the proxy's.
        let mut white = Visitor::reenter(serve.router, "room").await;
        white.join("white", None).await;
        serve.signal(signal);
        if signal == "TERM" {
            assert_eq!(white.closed().await, Some(1012));
        }
        serve.ended();
        let until = Instant::now() + TIMEOUT;
        let is_left = async || {
            TcpStream::connect(serve.router).await.is_ok()
                || serve.servers.iter().any(|(_, process)| runs(*process))
        };
        while is_left().await {
            assert!(
                Instant::now() < until,
                "something outlives serve ({signal})"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn haproxy_and_the_servers_do_not_outlive_serve_however_that_ends() {
    a_proxy_ends_with_serve(Program::Haproxy).await;
}

#[tokio::test]
async fn nginx_and_the_servers_do_not_outlive_serve_however_that_ends() {
    a_proxy_ends_with_serve(Program::Nginx).await;
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// What the figures of a crowd are, on this machine: `cargo test -p sticky-rooms --test faults --
/// --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it prints figures, and takes a minute of both cores"]
async fn figures_of_a_crowd() {
    rlimit::increase_nofile_limit(20_000).unwrap();
    for (descriptors, size) in [(1_024, 500), (20_000, 4_000)] {
        let serve = Serve::start(descriptors, &[]);
        let mut games = Games::sit_down(serve.router).await;
        games.play().await;
        let began = Instant::now();
        let (statuses, _here) = crowd(serve.router, size).await;
        let took = began.elapsed();
        let players = games.rooms.iter_mut().flat_map(|(_, players)| players);
        let cut = join_all(players.map(is_cut)).await;
        let cut = cut.into_iter().filter(|cut| *cut).count();
        writeln!(
            std::io::stdout(),
            "{size} newcomers, {descriptors} descriptors: {took:.1?}; answers {statuses:?}; \
             {cut} of {} players were cut",
            2 * ROOMS
        )
        .unwrap();
    }
}

/// Whether a player's connection has ended, or ends within three seconds.
async fn is_cut(player: &mut Visitor) -> bool {
    timeout(Duration::from_secs(3), player.closed())
        .await
        .is_ok()
}
