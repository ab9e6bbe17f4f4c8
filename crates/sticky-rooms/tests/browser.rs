//! The page in a real browser: two windows play, a third watches, and the server is killed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use harness::{Driver, Process, Window, signal};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// `serve`, ended as by Ctrl-C, so that its servers end with it.
struct Served {
    process: Process,
    page: String,
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("games.db");
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
                .args(["serve", "--listen", "127.0.0.1:0"])
                .args(["--restart-after", "1h", "--database"])
                .arg(format!("sqlite:{}", database.display()))
                .env_remove("DATABASE_URL"),
        );
        Self {
            page: process.url(),
            process,
            _directory: directory,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A test that has failed panics already, and a second panic would hide the first.
        if self.process.is_running() {
            self.process.signal("TERM");
            self.process.wait();
        }
    }
}

async fn click(window: &Window, square: &str) {
    let click = format!("(document.querySelector('[data-square={square}]').click(), true)");
    assert_eq!(window.js(&click).await, json!(true));
}

/// Plays a move in one window, and waits until all show it.
async fn play(windows: &[&Window], mover: usize, number: usize, played: &str) {
    click(windows[mover], &played[..2]).await;
    click(windows[mover], &played[2..]).await;
    for window in windows {
        window
            .until(&format!(
                "moves.length === {number} && moves.at(-1) === {played:?}"
            ))
            .await;
    }
}

#[tokio::test]
async fn two_windows_play_to_the_mate_a_third_watches_and_the_server_is_killed_in_between() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let served = Served::start();
    let page = served.page.replace("opera-1858", "scholars");
    let white = driver.open(1280, &page).await;
    let black = driver.open(800, &page).await;
    let watcher = driver.open(390, &page).await;
    for (window, seat) in [(&white, "white"), (&black, "black")] {
        window.until_says("state", "you watch").await;
        window
            .js(&format!(
                "(document.getElementById({seat:?}).click(), true)"
            ))
            .await;
        window
            .until_says("state", &format!("you play {seat}"))
            .await;
    }
    watcher.until("document.getElementById('white').disabled && document.getElementById('black').disabled").await;
    let all = [&white, &black, &watcher];
    for (played, number) in ["e2e4", "e7e5", "d1h5", "b8c6"].into_iter().zip(1..) {
        play(&all, (number - 1) % 2, number, played).await;
    }
    let say = "(document.getElementById('text').value = 'good luck', document.getElementById('chat').requestSubmit(), true)";
    white.js(say).await;
    for window in all {
        window.until_says("chats", "white: good luck").await;
    }
    for window in all {
        window.complains_of_nothing();
    }

    let server = white
        .js("document.getElementById('server').textContent")
        .await;
    white
        .until("!document.getElementById('where').hidden")
        .await;
    let kill = white.js("[...document.querySelectorAll('#servers li')].find((line) => line.textContent.includes('scholars')).querySelector('button').textContent").await;
    let process = kill.as_str().unwrap().rsplit(' ').next().unwrap();
    signal(process.parse().unwrap(), "KILL");
    for window in all {
        let elsewhere = format!(
            "/^server/.test(document.getElementById('server').textContent) && document.getElementById('server').textContent !== {server}"
        );
        window.until(&elsewhere).await;
        window
            .until("document.getElementById('chats').children.length === 0")
            .await;
    }
    white.until_says("state", "you play white").await;
    black.until_says("state", "you play black").await;
    // A move that does not arrive before the connection ends is sent again on the next one.
    let lose = "(socket.send = () => {}, true)";
    assert_eq!(white.js(lose).await, json!(true));
    click(&white, "f1").await;
    click(&white, "c4").await;
    white.js("(socket.close(), true)").await;
    for window in all {
        window
            .until("moves.length === 5 && moves.at(-1) === 'f1c4'")
            .await;
    }
    for (played, number) in ["g8f6", "h5f7"].into_iter().zip(6..) {
        play(&all, (number - 1) % 2, number, played).await;
    }
    for window in all {
        window.until_says("state", "1-0, checkmate").await;
        window.complains_of_the_network_only();
        let width = window
            .js("document.documentElement.scrollWidth <= innerWidth")
            .await;
        assert_eq!(
            width,
            Value::Bool(true),
            "the page is wider than its window"
        );
    }
}

#[tokio::test]
async fn a_chat_scrolls_its_list_and_not_the_page_and_cancel_makes_no_queen() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let served = Served::start();
    let window = driver
        .open(390, &served.page.replace("opera-1858", "phone"))
        .await;
    window.until_says("state", "you watch").await;
    for number in 1..=12 {
        let say = format!(
            "(document.getElementById('text').value = 'chat {number}', document.getElementById('chat').requestSubmit(), true)"
        );
        window.js(&say).await;
        window.until_says("chats", &format!("chat {number}")).await;
    }
    assert_eq!(
        window.js("scrollY").await,
        json!(0),
        "the board is still there"
    );
    // A board with a pawn before its last rank, which only the page has to know of.
    let promote = "(sent = [], send = (message) => sent.push(message), prompt = () => null, \
        moves = ['h2h4', 'a7a5', 'h4h5', 'a5a4', 'h5h6', 'a4a3', 'h6g7', 'a3b2'], \
        choose(square('g7')), choose(square('h8')), sent.length === 0 && chosen === null)";
    assert_eq!(window.js(promote).await, json!(true));
    let knight = "(prompt = () => ' N', choose(square('g7')), choose(square('h8')), sent[0].move)";
    assert_eq!(window.js(knight).await, json!("g7h8n"));
}

#[tokio::test]
async fn a_room_named_user_is_a_room_like_any_other() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let served = Served::start();
    let window = driver
        .open(800, &served.page.replace("opera-1858", "user"))
        .await;
    window.until_says("state", "you watch").await;
    window
        .js("(document.getElementById('white').click(), true)")
        .await;
    window.until_says("state", "you play white").await;
    let again = "(location.reload(), true)";
    window.js(again).await;
    window.until_says("state", "you play white").await;
    let token = "JSON.parse(sessionStorage.getItem('sticky-rooms:seat:user')).token";
    let is_in_a_cookie = format!("document.cookie.includes({token})");
    assert_eq!(window.js(&is_in_a_cookie).await, json!(false));
    window.complains_of_nothing();
}

/// A page whose storage throws, as in a browser that blocks cookies.
#[tokio::test]
async fn without_storage_and_cookies_the_board_is_there_and_a_seat_is_taken() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let served = Served::start();
    let blocked = Blocked::in_front_of(&served.page).await;
    let window = driver
        .open(800, &blocked.page("/user/ann/proxy/3002/rooms/blocked"))
        .await;
    window.until_says("state", "you watch").await;
    window
        .js("(document.getElementById('white').click(), true)")
        .await;
    window.until_says("state", "you play white").await;
    click(&window, "e2").await;
    click(&window, "e4").await;
    window.until("moves.length === 1").await;
    window
        .until("!document.getElementById('where').hidden")
        .await;
    window.complains_of_nothing();
}

/// A proxy that serves everything below a prefix, and a page that may store nothing.
struct Blocked(std::net::SocketAddr);

impl Blocked {
    async fn in_front_of(page: &str) -> Self {
        let router: std::net::SocketAddr = page.split('/').nth(2).unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (visitor, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_below_prefix(visitor, router));
            }
        });
        Self(address)
    }

    fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.0)
    }
}

async fn pass_below_prefix(mut visitor: TcpStream, router: std::net::SocketAddr) -> Option<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if visitor.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let inside = head.strip_prefix("GET /user/ann/proxy/3002")?;
    let mut upstream = TcpStream::connect(router).await.ok()?;
    let request = format!("GET {inside}");
    upstream.write_all(request.as_bytes()).await.ok()?;
    if inside.starts_with("/page.js") {
        let mut script = String::new();
        upstream.read_to_string(&mut script).await.ok()?;
        let (_, script) = script.split_once("\r\n\r\n")?;
        let throws = "{ get() { throw new DOMException('blocked', 'SecurityError'); }, \
            set() { throw new DOMException('blocked', 'SecurityError'); } }";
        let script = format!(
            "Object.defineProperty(window, 'sessionStorage', {throws});\
             Object.defineProperty(document, 'cookie', {throws});\n{script}"
        );
        let length = script.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/javascript; charset=utf-8\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{script}"
        );
        visitor.write_all(answer.as_bytes()).await.ok()?;
        return visitor.shutdown().await.ok();
    }
    copy_bidirectional(&mut visitor, &mut upstream).await.ok()?;
    Some(())
}
