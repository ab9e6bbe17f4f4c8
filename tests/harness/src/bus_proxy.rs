//! The way of a cluster's nodes to one of them, which a test can cut without being root.
//!
//! Each node announces the port of such a proxy as that of its cluster bus, and connects from an address of
//! its own, so that a proxy knows which node it is that comes. Clients are not concerned: to them the node
//! answers as before, which is what makes such a partition hard to notice.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

/// The nodes that are cut off, which all proxies of a cluster share.
pub(crate) type CutOff = Arc<Mutex<BTreeSet<usize>>>;

/// The address from which a node connects to others.
pub(crate) fn source(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(
        127,
        0,
        0,
        10 + u8::try_from(node).expect("a cluster is small"),
    )
}

/// The proxy before one node.
#[derive(Debug)]
pub(crate) struct BusProxy {
    node: usize,
    port: u16,
    cut_off: CutOff,
    /// Both ends of each connection, and the node that made it.
    connections: Arc<Mutex<Vec<(usize, TcpStream)>>>,
}

impl BusProxy {
    /// A proxy to this port, where the node may listen later.
    pub(crate) fn start(node: usize, to: u16, cut_off: &CutOff) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port can be had");
        let port = listener.local_addr().expect("it is bound").port();
        let proxy = Self {
            node,
            port,
            cut_off: Arc::clone(cut_off),
            connections: Arc::default(),
        };
        let (cut_off, connections) = (Arc::clone(cut_off), Arc::clone(&proxy.connections));
        // Ends with the process: six of them in one test.
        thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let other = from.peer_addr().ok().and_then(number);
                let cut_off = cut_off.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(other) = other
                    && !cut_off.contains(&node)
                    && !cut_off.contains(&other)
                {
                    let _ = connect(other, from, to, &connections);
                }
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the connections of nodes that are cut off; they cannot be made again.
    pub(crate) fn cut(&self) {
        let cut_off = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.retain(|(other, stream)| {
            let is_cut = cut_off.contains(&self.node) || cut_off.contains(other);
            if is_cut {
                let _ = stream.shutdown(Shutdown::Both);
            }
            !is_cut
        });
    }
}

fn number(from: SocketAddr) -> Option<usize> {
    match from.ip() {
        IpAddr::V4(ip) => usize::from(ip.octets()[3]).checked_sub(10),
        IpAddr::V6(_) => None,
    }
}

fn connect(
    other: usize,
    from: TcpStream,
    to: u16,
    connections: &Mutex<Vec<(usize, TcpStream)>>,
) -> io::Result<()> {
    let to = TcpStream::connect((Ipv4Addr::LOCALHOST, to))?;
    let mut kept = connections.lock().unwrap_or_else(PoisonError::into_inner);
    kept.extend([(other, from.try_clone()?), (other, to.try_clone()?)]);
    for (mut from, mut to) in [(from.try_clone()?, to.try_clone()?), (to, from)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
