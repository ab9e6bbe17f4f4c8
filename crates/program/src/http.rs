//! A server over HTTP, from its first connection to its last answer.
//!
//! `axum::serve` accepts and answers, and sets no deadline: some hundred clients that send half a head, or
//! nothing, keep every descriptor for as long as they like, and clients that never read their answers keep
//! the memory for them. This loop is used by every server here except the stock feed, where a connection
//! is for one request and its socket is taken back from HTTP; the two share the [`Acceptor`].

mod acceptor;
mod request_body;
mod write_deadline;

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;

use crate::raise_descriptor_limit;

pub use acceptor::Acceptor;
pub use request_body::RequestBody;
use write_deadline::{StalledClients, WriteDeadline};

/// How long a client may take to send the head of a request, and, on a connection that is kept, to start
/// the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The most header lines of a request; hyper's own limit is 100. A browser sends the cookies of every
/// program on `localhost`, and a proxy that speaks HTTP/2 to it may pass on each cookie in a line.
const MAX_HEADERS: usize = 256;

/// How long the answers in progress may take once the server was asked to end: longer than a request of
/// lesson 1's server may take, so only a client that does not read is cut off.
const END_TIMEOUT: Duration = Duration::from_secs(12);

/// More connections than one server of these lessons has use for.
const DESCRIPTORS: u64 = 20_000;

/// Answers requests with `service`, for instance axum's router, until `shutdown` is ready; then finishes
/// the answers in progress.
///
/// The caller owns the listener and the end, so a test binds port 0 and never waits. If the future is
/// dropped, no new connection is accepted, and those that are open stay.
pub async fn serve<S, B>(listener: TcpListener, service: S, shutdown: impl Future<Output = ()>)
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    raise_descriptor_limit(DESCRIPTORS);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .max_headers(MAX_HEADERS)
        .header_read_timeout(HEAD_TIMEOUT);
    // Each connection holds a receiver: it learns of the end by it, and has ended when it drops it.
    let (end, ending) = watch::channel(());
    let stalled = StalledClients::new();
    let mut shutdown = pin!(shutdown);
    let mut acceptor = Acceptor::new(listener);
    loop {
        let (stream, _) = tokio::select! {
            accepted = acceptor.next() => accepted,
            () = &mut shutdown => break,
        };
        // Otherwise the system may hold a small answer back for 40 ms to send it with the next.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection keeps Nagle's delay: {error}");
        }
        let service = TowerToHyperService::new(service.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            service.call(request.map(RequestBody::new))
        });
        let io = WriteDeadline::new(TokioIo::new(stream), stalled.clone());
        let connection = http.serve_connection(io, service).with_upgrades();
        let mut ending = ending.clone();
        tokio::spawn(async move {
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
        });
    }
    // From here on a client that connects is refused, and asks another server.
    drop((acceptor, ending));
    end.send_replace(());
    if timeout(END_TIMEOUT, end.closed()).await.is_err() {
        tracing::warn!("cut off clients that did not read their answer for {END_TIMEOUT:?}");
    }
}
