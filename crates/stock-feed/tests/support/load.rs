//! Prices that pour in, and what stands between users and servers.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use harness::TIMEOUT;

/// Between two rounds of prices: enough that a server is never idle, and not so much that a
/// build for debugging falls behind.
const ROUND: Duration = Duration::from_millis(20);

/// Publishes 1, 2, 3, … of every stock in turn, and goes on when the Redis does.
#[derive(Debug)]
pub(crate) struct Pour {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Pour {
    pub(crate) fn start(redis: SocketAddr, stocks: Vec<String>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let enough = Arc::clone(&enough);
            move || pour(redis, &stocks, &enough)
        });
        Self { enough, thread }
    }

    /// Stops it; when this returns, no price of it is still to come.
    pub(crate) fn end(self) {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

fn pour(redis: SocketAddr, stocks: &[String], enough: &AtomicBool) {
    let mut link = None;
    let mut price = 0;
    while !enough.load(Ordering::Relaxed) {
        price += 1;
        link = link
            .or_else(|| TcpStream::connect(redis).ok())
            .filter(|link| publish(link, stocks, price).is_ok());
        std::thread::sleep(ROUND);
    }
}

fn publish(mut link: &TcpStream, stocks: &[String], price: u64) -> io::Result<()> {
    let commands: String = stocks
        .iter()
        .map(|stock| format!("PUBLISH {stock} {price}\r\n"))
        .collect();
    link.set_read_timeout(Some(TIMEOUT))?;
    link.write_all(commands.as_bytes())?;
    let mut answers = BufReader::new(link).lines();
    for _ in stocks {
        answers.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    }
    Ok(())
}

/// One address in front of many servers: each connection goes to the first that answers.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
}

impl Balancer {
    pub(crate) fn start(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for user in listener.incoming().map_while(Result::ok) {
                let server = servers
                    .iter()
                    .find_map(|server| TcpStream::connect(server).ok());
                if let Some(server) = server {
                    pass_on(&user, &server);
                    pass_on(&server, &user);
                }
            }
        });
        Self { address }
    }
}

/// Passes on what comes, in a thread of its own, and the end as well.
fn pass_on(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
