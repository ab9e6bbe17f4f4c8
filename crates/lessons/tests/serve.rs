//! While it is served, a changed page is built again, and the browser is told. In the end nothing is left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::Duration;

use lessons::book::build;
use lessons::serve::serve;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

async fn ask(address: std::net::SocketAddr, path: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(stream)
}

async fn page(address: std::net::SocketAddr) -> String {
    let mut text = String::new();
    let mut answer = ask(address, "/01-one.html").await;
    timeout(PATIENCE, answer.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    text
}

#[tokio::test]
async fn a_changed_page_is_built_again_and_told_and_a_bad_one_leaves_the_former_book() {
    let (workspace, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = workspace.path().join("lessons/01-one.md");
    fs::create_dir(workspace.path().join("lessons")).unwrap();
    let text = |says: &str| format!("# 1. One\n\n5 minutes · core\n\n{says}\n");
    fs::write(&file, text("before")).unwrap();
    build(workspace.path(), site.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (place, folder) = (workspace.path().to_owned(), site.path().to_owned());
    tokio::spawn(async move { serve(listener, place, &folder).await });
    assert!(page(address).await.contains("<p>before</p>"));

    let mut told = ask(address, "/built").await.lines();
    // The head of the answer: from here on, a build is told.
    while timeout(PATIENCE, told.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap()
        != ""
    {}
    fs::write(&file, "no head").unwrap();
    fs::write(workspace.path().join("lessons/02-two.md"), "none either").unwrap();
    assert!(page(address).await.contains("<p>before</p>"));
    fs::remove_file(workspace.path().join("lessons/02-two.md")).unwrap();
    fs::write(&file, text("after")).unwrap();
    loop {
        let line = timeout(PATIENCE, told.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if line == "data: built" {
            break;
        }
    }
    assert!(page(address).await.contains("<p>after</p>"));
}

#[test]
#[cfg(unix)]
fn a_terminal_that_is_closed_leaves_no_folder_behind() {
    use std::io::BufRead;
    use std::process::{Command, Stdio};

    let temporary = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_lessons"))
        .args(["--listen", "127.0.0.1:0"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut said = std::io::BufReader::new(program.stdout.take().unwrap());
    said.read_line(&mut first).unwrap();
    assert!(first.starts_with("lessons: http://"), "{first}");
    let hang_up = format!("kill -HUP {}", program.id());
    Command::new("sh").args(["-c", &hang_up]).status().unwrap();
    assert!(program.wait().unwrap().success());
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
