//! The router in front: it reads a request's head, chooses a server, and passes the bytes on.
//!
//! It alone decides where a room lives. Read [`mod@owner`] next: the hash. [`health`] says who is up.

pub mod head;
pub mod health;
pub mod owner;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use head::Head;
use health::Servers;
use owner::{By, owner};

/// A server on this machine that does not accept for so long will not.
const CONNECT: Duration = Duration::from_millis(500);

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
        let Some(head) = Head::read(&mut visitor).await? else {
            return head::refuse(visitor, "400 Bad Request", "this is no HTTP request\n").await;
        };
        if head.path() == "/where" {
            let servers = self.servers.borrow().to_json();
            return head::refuse(visitor, "200 OK", &servers).await;
        }
        let Some(server) = self.choose(&head) else {
            return head::refuse(visitor, "503 Service Unavailable", "no server is up\n").await;
        };
        let Ok(Ok(mut upstream)) =
            timeout(CONNECT, TcpStream::connect(self.addresses[server - 1])).await
        else {
            // No other server is tried for this one visitor: only health moves a room, or a quick
            // and a slow player of one room would part.
            self.servers.send_modify(|servers| servers.refused(server));
            let text = "the room's server is gone; come again\n";
            return head::refuse(visitor, "503 Service Unavailable", text).await;
        };
        visitor.set_nodelay(true)?;
        upstream.set_nodelay(true)?;
        upstream.write_all(head.bytes()).await?;
        tokio::select! {
            copied = copy_bidirectional(&mut visitor, &mut upstream) => copied.map(drop),
            // Cut: the page connects again, and is sent to where the room lives now.
            () = self.moved(&head, server) => Ok(()),
        }
    }

    fn choose(&self, head: &Head) -> Option<usize> {
        let up = self.servers.borrow().up();
        match (self.by, head.room()) {
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
            let room = head.room().filter(|_| self.by == By::Room);
            !up.contains(&server)
                || room.is_some_and(|room| owner(room.as_str(), &up) != Some(server))
        };
        // An error means that the router is gone, and the connection goes with it.
        let _ = servers.wait_for(elsewhere).await;
    }
}
