//! The router in front: it reads a request's head, chooses a server, and passes the request on.
//!
//! It alone decides where a room lives. Read [`mod@owner`] next: the hash. [`health`] says who is up, and
//! [`handover`] moves rooms when a server is added or taken away. A connection carries one request, so
//! each request is routed.

pub mod handover;
pub mod head;
pub mod health;
pub mod owner;
mod relay;
mod servers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use program::http::Acceptor;
use program::{raise_descriptor_limit, within};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, watch};

use head::{BadHead, Head};
use health::{Upstream, is_refused};
use owner::{By, owner};
use relay::{answer, relay};
use servers::{Entry, Servers};

use crate::room_id::RoomId;
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
    /// Written by the checks of health, by each visitor of a room, and by the handover; a connection is cut
    /// when it changes so that the connection is at the wrong place.
    servers: watch::Sender<Servers>,
    /// Held while servers are added or taken away: one change after the other.
    changing: Mutex<()>,
    turn: AtomicUsize,
    options: Options,
}

impl Router {
    /// Server 1 is the first address. All count as up until a check says otherwise.
    pub fn new(by: By, addresses: Vec<SocketAddr>, options: Options) -> Arc<Self> {
        let upstreams = addresses.into_iter().zip(1..);
        let upstreams = upstreams.map(|(address, number)| Upstream::new(number, address));
        Arc::new(Self {
            by,
            servers: watch::Sender::new(Servers::all_up(upstreams)),
            changing: Mutex::new(()),
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
        tokio::join!(health::check_all(&self.servers), visitors);
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
        let Some(visit) = self.enter(&head).await else {
            return answer(visitor, unavailable, TEXT, "no server is up\n").await;
        };
        let upstream = &visit.upstream;
        // In any case no other server is tried for this one visitor: only health moves a room, or a
        // quick and a slow player of one room would part.
        let mut stream = match within(CONNECT_TIMEOUT, TcpStream::connect(upstream.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if is_refused(&error) => {
                self.servers
                    .send_if_modified(|servers| servers.lost(upstream));
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
            () = self.moved(&visit) => Ok(()),
        }
    }

    /// Chooses the server of a request. A visitor of a room that is being moved waits until that is done.
    async fn enter(&self, head: &Head) -> Option<Visit<'_>> {
        let Some(room) = head.target().room().filter(|_| self.by == By::Room) else {
            let upstream = self.choose(head)?;
            return Some(Visit::of(self, None, upstream));
        };
        let mut changes = self.servers.subscribe();
        loop {
            changes.mark_unchanged();
            let mut entry = Entry::Nowhere;
            self.servers.send_if_modified(|servers| {
                let is_awaited;
                (entry, is_awaited) = servers.enter(room);
                is_awaited
            });
            match entry {
                Entry::At(upstream) => {
                    return Some(Visit::of(self, Some(room.clone()), upstream));
                }
                Entry::Nowhere => return None,
                // An error means that the router is gone, and this visitor goes with it.
                Entry::Later => changes.changed().await.ok()?,
            }
        }
    }

    /// The server of a request that is not for a room, or of any request if rooms are not what counts.
    fn choose(&self, head: &Head) -> Option<Arc<Upstream>> {
        let servers = self.servers.borrow();
        let in_use = servers.in_use();
        let number = match self.by {
            By::Turns => {
                let turn = self.turn.fetch_add(1, Relaxed);
                in_use.get(turn % in_use.len().max(1)).copied()
            }
            By::User => owner(head.user(), &in_use),
            // Not a room: any server has the page.
            By::Room => in_use.first().copied(),
        };
        servers.upstream(number?)
    }

    /// Done when this connection has to be cut: its server is down, or its room lives elsewhere.
    async fn moved(&self, visit: &Visit<'_>) {
        let mut servers = self.servers.subscribe();
        let server = visit.upstream.server;
        let elsewhere = |servers: &Servers| {
            !servers.is_up(&visit.upstream)
                || match &visit.room {
                    Some(room) => servers.place(room) != Some(server),
                    None => !servers.in_use().contains(&server),
                }
        };
        // An error means that the router is gone, and the connection goes with it.
        let _ = servers.wait_for(elsewhere).await;
    }
}

/// A request and its server. A visitor of a room is counted until this is dropped.
struct Visit<'a> {
    router: &'a Router,
    room: Option<RoomId>,
    upstream: Arc<Upstream>,
}

impl<'a> Visit<'a> {
    fn of(router: &'a Router, room: Option<RoomId>, upstream: Arc<Upstream>) -> Self {
        Self {
            router,
            room,
            upstream,
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            let servers = &self.router.servers;
            servers.send_if_modified(|servers| servers.leave(room));
        }
    }
}
