//! One server: it listens, answers, and ends without hanging up on anybody.

use std::io::ErrorKind;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use program::raise_descriptor_limit;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a client may take to send the head of a request, and to begin the next one.
///
/// `axum::serve` sets no such limit: some hundred clients that send half a head, or nothing, hold all
/// descriptors for as long as they like, and nobody else is heard.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The most header lines of a request; the library's own limit is 100. A browser sends the cookies of
/// every program on `localhost`, and HTTP/2 clients behind a proxy send each cookie in a line.
const MAX_HEADERS: usize = 256;

/// How long to wait for descriptors to come back when they have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How long a request under way may take once the server was asked to end.
///
/// Longer than any request may take, so what it cuts off is only somebody who does not read.
const GRACE: Duration = Duration::from_secs(12);

/// What a server prints on its standard output before its address, once it listens.
pub const LISTENING: &str = "listening on ";

/// More open connections than one server of these lessons has use for.
const MOST_DESCRIPTORS: u64 = 20_000;

/// Answers requests until `shutdown`, then those that are under way, and no new ones.
///
/// The caller owns the listener and the end, so that a test binds port 0 and never waits.
pub async fn run(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    raise_descriptor_limit(MOST_DESCRIPTORS);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .max_headers(MAX_HEADERS)
        .header_read_timeout(HEAD_TIMEOUT);
    // Every connection has a receiver: it hears of the end by it, and is over when it is dropped.
    let (end, ending) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    let mut accepts = Accepts {
        listener,
        is_failing: false,
    };
    loop {
        let stream = tokio::select! {
            stream = accepts.next() => stream,
            () = &mut shutdown => break,
        };
        // Without this, the system may hold a small answer back for 40 ms to send it with the next.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection keeps Nagle's delay: {error}");
        }
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(until_end(connection.with_upgrades(), ending.clone()));
    }
    // From here on, who connects is refused and asks another server.
    drop((accepts, ending));
    end.send_replace(());
    if timeout(GRACE, end.closed()).await.is_err() {
        tracing::warn!("hung up on somebody who did not read his answer for {GRACE:?}");
    }
}

/// Answers the requests of one connection; once the end has come, only the one under way.
async fn until_end(
    connection: UpgradeableConnection<TokioIo<TcpStream>, TowerToHyperService<Router>>,
    mut ending: watch::Receiver<()>,
) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = ending.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

/// The connections that come in.
struct Accepts {
    listener: TcpListener,
    /// It was said already that there are none.
    is_failing: bool,
}

impl Accepts {
    async fn next(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::warn!("new connections are accepted again");
                    }
                    return stream;
                }
                // One that was gone before it was accepted.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::error!(
                            "no new connection is accepted until others end: {error}; a higher \
                             limit, such as `ulimit -n 4096`, lets more be open at once"
                        );
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
