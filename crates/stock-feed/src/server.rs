//! The server: it listens, accepts users, and disconnects them when it ends.

use std::future::{Future, poll_fn, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use futures_util::future::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use program::RateLimitedLog;
use program::http::Acceptor;
use pubsub_manager::{BrokerAddress, HubOptions, PubSubManager, Publisher, UserId};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::app::{App, Limits};
use crate::broker_log::BrokerLog;
use crate::cached_answer::CachedAnswer;
use crate::corked::Corked;
use crate::handshake_limiter::{HandshakeLimiter, HandshakePermit};
use crate::heartbeat;
use crate::http::{WEBSOCKET, malformed, router, websocket};
use crate::market::Market;
use crate::pace;
use crate::session::TextFrames;
use crate::sessions::Sessions;
use crate::stats;
use crate::user;

/// The most connections that wait to be accepted: another server's twenty thousand users may reconnect here
/// within seconds.
const BACKLOG: u32 = 4096;

/// What the kernel may hold for one user who does not read, in bytes. By default it would take megabytes of
/// prices, which are old before they arrive; with this it takes some 3,400 prices, as `tests/slow_user.rs`
/// counts, after which the manager sees that the user is slow, and skips to the newest.
const SEND_BUFFER: u32 = 16 * 1024;

/// What the kernel may hold of one user's bytes that we have not read (we stop reading while the user does
/// not read our answers). By default that is megabytes for each, and a few hundred such users use up the
/// kernel's memory for TCP. A handshake or a request has a few hundred bytes; a message of a megabyte passes
/// as well, one window at a time.
const RECEIVE_BUFFER: u32 = 8 * 1024;

/// How long sent bytes may stay unacknowledged. A user who vanishes while prices are sent is not pinged, and
/// if prices are rare it takes an hour until its socket is full; by default Linux retransmits for a quarter
/// of an hour before it ends a connection.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(120);

/// The head of one request, in bytes; hyper answers 431 to more.
const MAX_REQUEST_HEAD: usize = 16 * 1024;

/// How long users may take to close after all were sent a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Listens with what every user's socket inherits: no delay, small buffers, and a limit to what stays
/// unacknowledged. Set here once, it costs no system calls per user.
///
/// # Errors
/// The address is taken, or not ours to take.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    #[cfg(target_os = "linux")]
    SockRef::from(&socket).set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What a server is started with.
#[derive(Debug)]
pub struct Options {
    /// Where prices come from.
    pub broker: BrokerAddress,
    /// The start of each channel's name, before the stock.
    pub channel_prefix: String,
    /// A simulated market, if prices should come from one.
    pub market: Option<Market>,
    /// The most stocks that a user may subscribe to.
    pub stocks_per_user: usize,
    /// How long a user may leave its newest prices unread before it is evicted.
    pub read_time: Duration,
    /// The limits of what users may use of this server.
    pub limits: Limits,
}

/// Serves on the listener until `end` is ready; then disconnects users over the drain time, and waits until
/// they have closed. There is one server in a process, because there is one manager.
///
/// # Errors
/// There is a server in this process already, or its manager has panicked.
pub async fn run(
    listener: TcpListener,
    options: Options,
    end: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let Options {
        broker,
        channel_prefix,
        market,
        stocks_per_user,
        read_time,
        limits,
    } = options;
    let listen = listener.local_addr()?.to_string();
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    stats::describe_names();
    // One of each for the life of the process, so users point at them and count nothing.
    let broker_log: &BrokerLog = Box::leak(Box::new(BrokerLog::new()));
    let sessions: &Sessions = Box::leak(Box::new(Sessions::new(
        limits.users,
        limits.users_per_address,
    )));
    let name = match broker {
        BrokerAddress::InProcess(_) => "in process",
        BrokerAddress::RedisCluster(_) => "Redis Cluster",
        _ => "Redis",
    };
    let publisher = Publisher::new(&broker, &channel_prefix);
    let manager = PubSubManager::start(pubsub_manager::Options {
        broker,
        channel_prefix,
        drain_timeout: read_time,
        hub: HubOptions {
            stocks_per_user,
            encoder: Arc::new(TextFrames),
            slow_consumer_timeout: read_time,
            on_event: Some(Arc::new(|event| broker_log.note(event))),
        },
        ..Default::default()
    })?;
    if let Some(market) = market.clone() {
        tokio::spawn(market.run(publisher));
    }
    let app: &App = Box::leak(Box::new(App {
        manager,
        sessions,
        limits,
        broker_log,
        market,
        listen,
        broker: name,
        stats: CachedAnswer::default(),
        refusals: RateLimitedLog::default(),
        address_refusals: RateLimitedLog::default(),
        prometheus,
        users_so_far: AtomicU64::new(0),
        ending: AtomicBool::new(false),
    }));
    serve(app, listener, end).await
}

async fn serve(
    app: &'static App,
    listener: TcpListener,
    end: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let heartbeat = tokio::spawn(heartbeat::run(app));
    let mut acceptor = Acceptor::new(listener);
    let mut ended = Ok(());
    tokio::select! {
        () = accept(app, &mut acceptor) => {}
        () = end => {}
        // After a panic its state may be half-changed. Users reconnect to a server that is restarted, by systemd
        // or Kubernetes, because of the exit code.
        () = app.manager.ended() => {
            ended = Err(anyhow!("the manager's task panicked: start this server again"));
        }
    }
    // The port is free for the next server while this one's users are still leaving. A client that connected
    // just before and sends its handshake now is refused, and connects to that server, too.
    app.ending.store(true, Ordering::Relaxed);
    drop(acceptor);
    heartbeat.abort();
    tracing::info!(users = app.sessions.len(), over = ?app.limits.drain, "ending: users are asked to reconnect");
    heartbeat::close_all(app.sessions, app.limits.drain).await;
    let _ = timeout(CLOSE_TIMEOUT, app.sessions.emptied()).await;
    app.manager.disconnect().await;
    ended
}

async fn accept(app: &'static App, acceptor: &mut Acceptor) {
    let limiter: &HandshakeLimiter = Box::leak(Box::new(HandshakeLimiter::new()));
    let router = router(app);
    loop {
        let (stream, client) = acceptor.next().await;
        let permit = limiter.admit(client.ip()).await;
        tokio::spawn(serve_http(app, permit, stream, client.ip(), router.clone()));
    }
}

/// Answers one request. A handshake's answer is sent like any other; after that we take the plain socket back
/// from hyper, whose buffers end here. The user's own task is another one, because it has to be as small as
/// possible, and this one has hyper's state.
///
/// hyper ends a client whose request has not arrived in time. A client that does not read its answer stays
/// until another one needs its permit.
async fn serve_http(
    app: &'static App,
    mut permit: HandshakePermit,
    stream: TcpStream,
    peer: IpAddr,
    router: Router,
) {
    let router = TowerToHyperService::new(router);
    let user = Mutex::new(None);
    let answer = service_fn(|request: Request<Incoming>| {
        if let Some(refusal) = malformed(&request) {
            Either::Left(ready(Ok(refusal)))
        } else if request.uri().path() == WEBSOCKET {
            let (answer, given) = websocket(app, peer, &request);
            let pace = pace::asked(request.uri(), app.limits.pace);
            *user.lock() = given.map(|permit| (permit, pace));
            Either::Left(ready(Ok(answer)))
        } else {
            Either::Right(Box::pin(router.call(request)))
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(app.limits.handshake)
        .max_buf_size(MAX_REQUEST_HEAD)
        .serve_connection(Corked::new(stream), answer);
    let exchange = poll_fn(|cx| connection.poll_without_shutdown(cx));
    let outcome = permit.run(exchange).await;
    let http1::Parts { io, read_buf, .. } = connection.into_parts();
    if let (Some(Ok(())), Some((permit, pace))) = (outcome, user.into_inner()) {
        let id = UserId(app.next_user());
        user::start(app, permit, io.into_inner(), id, pace, &read_buf);
    }
}

#[cfg(test)]
mod tests {
    use socket2::SockRef;

    use super::*;

    #[tokio::test]
    async fn a_user_inherits_small_buffers_and_a_limit_to_its_silence() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let user = TcpStream::connect(listener.local_addr().unwrap());
        let (_user, accepted) = tokio::join!(user, listener.accept());
        let (accepted, _) = accepted.unwrap();
        let socket = SockRef::from(&accepted);
        // Linux doubles the size that is set, for its own use.
        assert!(socket.send_buffer_size().unwrap() <= 2 * SEND_BUFFER as usize);
        assert!(socket.recv_buffer_size().unwrap() <= 2 * RECEIVE_BUFFER as usize);
        assert!(accepted.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED));
    }
}
