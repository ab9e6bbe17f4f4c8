//! The router in front: it reads a request's head, chooses a server, and passes the request on.
//!
//! It alone decides where a room lives. Read [`mod@owner`] next: the hash. [`health`] says who is up.
//! A connection carries one request, so each request is routed.

pub mod head;
pub mod health;
pub mod owner;
mod relay;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use program::http::Acceptor;
use program::{raise_descriptor_limit, within};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use head::{BadHead, Head};
use health::{Servers, Upstream, is_refused};
use owner::{By, owner};
use relay::{answer, relay};

use crate::server::{Options, UNKNOWN_HOST};

/// How long a server may take to accept a connection. Its queue may be full for a moment when a
/// thousand visitors come at the same time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The descriptors that the router asks the system for: a shell gives 1,024, which is 500 visitors.
const WISHED_DESCRIPTORS: u64 = 20_000;
/// A visitor needs two: one for itself, and one for its server.
const DESCRIPTORS_EACH: u64 = 2;
/// For the servers' health, for what the program has open, and for visitors above the capacity, who
/// need one while they are refused.
const RESERVED_DESCRIPTORS: u64 = 64 + MAX_REFUSALS as u64;
/// The most visitors that are being refused at a time; more of them wait to be accepted.
const MAX_REFUSALS: usize = 64;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Where visitors are sent, and by what.
#[derive(Debug)]
pub struct Router {
    by: By,
    upstreams: Vec<Upstream>,
    servers: watch::Sender<Servers>,
    turn: AtomicUsize,
    options: Options,
}

impl Router {
    /// Server 1 is the first address. All count as up until a check says otherwise.
    pub fn new(by: By, addresses: Vec<SocketAddr>, options: Options) -> Arc<Self> {
        let servers = watch::Sender::new(Servers::all_up(addresses.len()));
        let upstream = |address| Upstream {
            address,
            received: AtomicBool::new(false),
        };
        Arc::new(Self {
            by,
            upstreams: addresses.into_iter().map(upstream).collect(),
            servers,
            turn: AtomicUsize::new(0),
            options,
        })
    }

    /// Accepts visitors, and checks the servers, until it is dropped.
    ///
    /// Above its capacity it refuses newcomers with 503. If it ran out of descriptors instead, it could
    /// connect to no server, and those who play would lose theirs with the next check.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let descriptors = raise_descriptor_limit(WISHED_DESCRIPTORS);
        let capacity = descriptors.saturating_sub(RESERVED_DESCRIPTORS) / DESCRIPTORS_EACH;
        let places = Arc::new(Semaphore::new(capacity as usize));
        let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
        let full = format!(
            "all {capacity} places of this router are taken; try again in a moment, or start it with more \
             descriptors (ulimit -n)\n"
        );
        let visitors = async {
            let mut acceptor = Acceptor::new(listener);
            loop {
                let (visitor, _) = acceptor.next().await;
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let router = Arc::clone(&self);
                    tokio::spawn(async move {
                        let _place = place;
                        router.pass(visitor).await
                    });
                } else if let Ok(refusal) = Arc::clone(&refusals).acquire_owned().await {
                    let full = full.clone();
                    tokio::spawn(async move {
                        let _refusal = refusal;
                        answer(visitor, StatusCode::SERVICE_UNAVAILABLE, TEXT, &full).await
                    });
                }
            }
        };
        tokio::join!(health::check_all(&self.upstreams, &self.servers), visitors);
    }

    async fn pass(&self, mut visitor: TcpStream) -> io::Result<()> {
        visitor.set_nodelay(true)?;
        let head = match Head::read(&mut visitor).await {
            Ok(head) => head,
            Err(BadHead::Gone(error)) => return Err(error),
            Err(bad) => return answer(visitor, bad.status(), TEXT, &format!("{bad}\n")).await,
        };
        if head.target().path() == "/where" {
            if !self.options.knows_host(head.headers()) {
                return answer(visitor, StatusCode::FORBIDDEN, TEXT, UNKNOWN_HOST).await;
            }
            let servers = self.servers.borrow().to_json();
            return answer(visitor, StatusCode::OK, JSON, &servers).await;
        }
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let Some(server) = self.choose(&head) else {
            return answer(visitor, unavailable, TEXT, "no server is up\n").await;
        };
        let upstream = &self.upstreams[server - 1];
        // In any case no other server is tried for this one visitor: only health moves a room, or a
        // quick and a slow player of one room would part.
        let mut stream = match within(CONNECT_TIMEOUT, TcpStream::connect(upstream.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_refused(&error) => {
                self.servers
                    .send_if_modified(|servers| servers.lost(server));
                let text = "the room's server is gone; come again\n";
                return answer(visitor, unavailable, TEXT, text).await;
            }
            Ok(Err(_)) | Err(_) => {
                let text = "the room's server cannot be reached at the moment; come again\n";
                return answer(visitor, unavailable, TEXT, text).await;
            }
        };
        stream.set_nodelay(true)?;
        tokio::select! {
            relayed = relay(&head, &mut visitor, &mut stream, &upstream.received) => relayed,
            // Cut: the page connects again, and is sent to where the room lives now.
            () = self.moved(&head, server) => Ok(()),
        }
    }

    fn choose(&self, head: &Head) -> Option<usize> {
        let up = self.servers.borrow().up();
        match (self.by, head.target().room()) {
            (By::Turns, _) => up
                .get(self.turn.fetch_add(1, Relaxed) % up.len().max(1))
                .copied(),
            (By::User, _) => owner(head.user(), &up),
            (By::Room, Some(room)) => owner(room.as_str(), &up),
            // Not a room: any server has the page.
            (By::Room, None) => up.first().copied(),
        }
    }

    /// Done when this connection has to be cut: its server is down, or its room lives elsewhere.
    async fn moved(&self, head: &Head, server: usize) {
        let mut servers = self.servers.subscribe();
        let elsewhere = |servers: &Servers| {
            let up = servers.up();
            let room = head.target().room().filter(|_| self.by == By::Room);
            !up.contains(&server)
                || room.is_some_and(|room| owner(room.as_str(), &up) != Some(server))
        };
        // An error means that the router is gone, and the connection goes with it.
        let _ = servers.wait_for(elsewhere).await;
    }
}
