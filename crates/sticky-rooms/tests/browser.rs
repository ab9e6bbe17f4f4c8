//! The page in a real browser: two windows play, a third watches, and the server is killed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "the stock feed's tests use the rest")]
#[path = "../../stock-feed/tests/support/browser.rs"]
mod browser;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use browser::{Driver, Window};
use serde_json::{Value, json};

/// `serve`, ended as by Ctrl-C, so that its servers end with it.
struct Served {
    child: Child,
    page: String,
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sticky-rooms"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--restart-after",
                "1h",
                "--database",
            ])
            .arg(format!(
                "sqlite:{}",
                directory.path().join("games.db").display()
            ))
            .env_remove("DATABASE_URL")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let page = line.split(' ').nth(1).unwrap().to_owned();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self {
            child,
            page,
            _directory: directory,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let told = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
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
    let process = kill
        .as_str()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        Command::new("kill")
            .args(["-9", &process])
            .status()
            .unwrap()
            .success()
    );
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
    for (played, number) in ["f1c4", "g8f6", "h5f7"].into_iter().zip(5..) {
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
