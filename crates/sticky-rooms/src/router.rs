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
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use head::{BadHead, Head};
use health::Servers;
use owner::{By, owner};
use relay::{answer, relay};

/// A server on this machine that does not accept for so long will not.
const CONNECT: Duration = Duration::from_millis(500);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Where visitors are sent, and by what.
#[derive(Debug)]
pub struct Router {
    by: By,
    addresses: Vec<SocketAddr>,
    servers: watch::Sender<Servers>,
    turn: AtomicUsize,
}

impl Router {
    /// Server 1 is the first address. All count as up until a check says otherwise.
    pub fn new(by: By, addresses: Vec<SocketAddr>) -> Arc<Self> {
        let servers = watch::Sender::new(Servers::all_up(addresses.len()));
        Arc::new(Self {
            by,
            addresses,
            servers,
            turn: AtomicUsize::new(0),
        })
    }

    /// Takes visitors, and checks the servers, until it is dropped.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let visitors = async {
            loop {
                // An error concerns one connection, or descriptors, of which some come back.
                let Ok((visitor, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let router = Arc::clone(&self);
                tokio::spawn(async move { router.pass(visitor).await });
            }
        };
        tokio::join!(health::check_all(&self.addresses, &self.servers), visitors);
    }

    async fn pass(&self, mut visitor: TcpStream) -> io::Result<()> {
        visitor.set_nodelay(true)?;
        let head = match Head::read(&mut visitor).await {
            Ok(head) => head,
            Err(BadHead::Gone(error)) => return Err(error),
            Err(bad) => return answer(visitor, bad.status(), TEXT, &format!("{bad}\n")).await,
        };
        if head.target().path() == "/where" {
            let servers = self.servers.borrow().to_json();
            return answer(visitor, StatusCode::OK, JSON, &servers).await;
        }
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let Some(server) = self.choose(&head) else {
            return answer(visitor, unavailable, TEXT, "no server is up\n").await;
        };
        let Ok(Ok(mut upstream)) =
            timeout(CONNECT, TcpStream::connect(self.addresses[server - 1])).await
        else {
            // No other server is tried for this one visitor: only health moves a room, or a quick
            // and a slow player of one room would part.
            self.servers.send_modify(|servers| servers.refused(server));
            let text = "the room's server is gone; come again\n";
            return answer(visitor, unavailable, TEXT, text).await;
        };
        upstream.set_nodelay(true)?;
        tokio::select! {
            relayed = relay(&head, &mut visitor, &mut upstream) => relayed,
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
