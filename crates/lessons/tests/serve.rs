//! While the book is served, a changed page is built again, no request is without its page meanwhile, and
//! in the end nothing is left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

#[cfg(unix)]
use harness::Process;
use lessons::live::Live;
use lessons::serve::serve;
use lessons::site::Site;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long a test waits; a build of the whole book takes most of it.
const BUILD_TIMEOUT: Duration = Duration::from_secs(60);

/// The answer to a request, with its head.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = timeout(BUILD_TIMEOUT, stream.read_to_string(&mut text)).await;
    read.unwrap().unwrap();
    text
}

async fn version(address: SocketAddr, page: &str) -> String {
    let answer = get(address, &format!("/version/{page}")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

fn write(workspace: &Path, page: &str, says: &str) {
    let text = format!("# 1. One\n\n5 minutes · core\n\n{says}\n");
    fs::write(workspace.join("lessons").join(page), text).unwrap();
}

/// A workspace with two pages, and the address at which its book is served.
async fn served() -> (TempDir, SocketAddr) {
    let workspace = tempfile::tempdir().unwrap();
    fs::create_dir(workspace.path().join("lessons")).unwrap();
    write(workspace.path(), "01-one.md", "before");
    write(workspace.path(), "02-two.md", "before");
    let site = Site::build(workspace.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let place = workspace.path().to_owned();
    tokio::spawn(async move { serve(listener, place, site, Live::off(address).router).await });
    (workspace, address)
}

#[tokio::test]
async fn a_changed_page_has_a_new_version_and_no_other_has_and_a_bad_one_leaves_the_former_book() {
    let (workspace, address) = served().await;
    let before = version(address, "01-one.html").await;
    let other = version(address, "02-two.html").await;
    let is_in_the_page = format!("<meta name=\"version\" content=\"{before}\">");
    assert!(get(address, "/01-one.html").await.contains(&is_in_the_page));

    fs::write(workspace.path().join("lessons/03-three.md"), "no head").unwrap();
    assert!(get(address, "/01-one.html").await.contains("<p>before</p>"));
    fs::remove_file(workspace.path().join("lessons/03-three.md")).unwrap();
    write(workspace.path(), "01-one.md", "after");
    let changed = async {
        while version(address, "01-one.html").await == before {
            tokio::task::yield_now().await;
        }
    };
    timeout(BUILD_TIMEOUT, changed).await.unwrap();
    assert!(get(address, "/01-one.html").await.contains("<p>after</p>"));
    assert_eq!(version(address, "02-two.html").await, other);
    let none = get(address, "/version/none.html").await;
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_without_its_page_while_the_book_is_built_again() {
    let (workspace, address) = served().await;
    let mut seen = version(address, "01-one.html").await;
    let mut requests = 0;
    for number in 0..5 {
        write(workspace.path(), "01-one.md", &format!("text {number}"));
        let built = async {
            loop {
                for path in [
                    "/01-one.html",
                    "/02-two.html",
                    "/css/print.css",
                    "/notes.html",
                ] {
                    // mdBook puts a hash into the names of its styles.
                    let answer = get(address, path).await;
                    let is_there = answer.starts_with("HTTP/1.1 200") || path.ends_with(".css");
                    assert!(is_there, "{path}: {answer}");
                    requests += 1;
                }
                let now = version(address, "01-one.html").await;
                if now != seen {
                    break now;
                }
            }
        };
        seen = timeout(BUILD_TIMEOUT, built).await.unwrap();
    }
    assert!(requests > 20, "{requests} requests");
}

/// The program, and the folder in which it makes its temporary ones.
#[cfg(unix)]
fn started() -> (Process, TempDir) {
    let temporary = tempfile::tempdir().unwrap();
    let program = Process::start(
        Command::new(env!("CARGO_BIN_EXE_lessons"))
            .args(["--listen", "127.0.0.1:0"])
            .env("TMPDIR", temporary.path()),
    );
    program.until_output("lessons: http://");
    (program, temporary)
}

#[cfg(unix)]
fn ended_by(signal: &str, mut program: Process, temporary: &Path) {
    program.signal(signal);
    assert!(program.wait().success(), "{signal}");
    assert_eq!(fs::read_dir(temporary).unwrap().count(), 0, "{signal}");
}

#[test]
#[cfg(unix)]
fn a_terminal_that_is_closed_leaves_no_folder_behind() {
    let (program, temporary) = started();
    ended_by("HUP", program, temporary.path());
}

#[test]
#[cfg(unix)]
fn a_signal_while_the_book_is_built_again_leaves_no_folder_behind() {
    use std::time::{Instant, SystemTime};

    // The page is as it was; that it was written a moment ago is a change.
    let page = lessons::page::workspace().join("lessons/16-wire-protocol.md");
    for signal in ["INT", "TERM", "HUP"] {
        let (program, temporary) = started();
        let folders = || fs::read_dir(temporary.path()).unwrap().count();
        let before = folders();
        let file = fs::File::options().append(true).open(&page).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
        let deadline = Instant::now() + BUILD_TIMEOUT;
        while folders() == before {
            assert!(Instant::now() < deadline, "the book is not built again");
            std::thread::yield_now();
        }
        ended_by(signal, program, temporary.path());
    }
}
