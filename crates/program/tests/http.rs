//! What the accept loop does about clients that do not send, or do not read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// On a paused clock, which jumps ahead whenever everybody waits for it, so nobody really waits.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Starts a server of one route, and returns its address.
async fn start(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(program::http::serve(listener, router, pending()));
    address
}

/// Sends a text, reads the answer to its end, and returns it.
async fn answer(address: SocketAddr, text: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let ended = timeout(AN_HOUR, connection.read_to_end(&mut received)).await;
    ended
        .unwrap_or_else(|_| panic!("the server waits without end after {text:?}"))
        .unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_half_a_head_or_nothing_is_disconnected() {
    let address = start(Router::new().route("/", get(async || "ok"))).await;
    for half in ["", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        answer(address, half).await;
    }
    // One that was answered may ask again within the same time.
    let received = answer(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(received.ends_with("\r\n\r\nok"), "{received}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_fails_the_request() {
    let router = Router::new().route("/", post(async |body: String| body));
    let address = start(router).await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
    let received = answer(address, head).await;
    assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
    assert!(received.contains("did not arrive in time"), "{received}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_disconnected() {
    // More than the system keeps for a client that does not read.
    let long = async || vec![b'x'; 64 << 20];
    let address = start(Router::new().route("/", get(long))).await;
    let connection = TcpStream::connect(address).await.unwrap();
    let mut connection = ask_and_do_not_read(connection).await;
    tokio::time::sleep(AN_HOUR).await;
    let mut received = Vec::new();
    let _ = connection.read_to_end(&mut received).await;
    assert!(received.len() < 64 << 20, "all of it was kept");
}

#[tokio::test(start_paused = true)]
async fn when_many_do_not_read_the_next_one_is_disconnected_soon_and_they_keep_their_time() {
    // More than the system keeps for a client that does not read.
    let long = Bytes::from(vec![b'x'; 64 << 20]);
    let router = Router::new().route("/", get(async move || long.clone()));
    let address = start(router).await;
    let mut stalled = Vec::new();
    for _ in 0..64 {
        // The smallest buffer that the system gives, or it would keep megabytes for each.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        stalled.push(ask_and_do_not_read(socket.connect(address).await.unwrap()).await);
    }
    let mut next = ask_and_do_not_read(TcpStream::connect(address).await.unwrap()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for client in &stalled {
        assert!(is_connected(client));
    }
    let mut received = Vec::new();
    let _ = next.read_to_end(&mut received).await;
    assert!(received.len() < 64 << 20, "all of its answer was kept");
}

async fn ask_and_do_not_read(mut connection: TcpStream) -> TcpStream {
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    connection.write_all(request).await.unwrap();
    connection.readable().await.unwrap();
    connection
}

/// Whether the server may still write to it, once all that has arrived is read.
fn is_connected(client: &TcpStream) -> bool {
    let mut arrived = [0; 4096];
    loop {
        match client.try_read(&mut arrived) {
            Ok(1..) => {}
            Ok(0) => return false,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
