//! Which servers are up.
//!
//! A server is down when it is silent for `SILENCE` while it is asked for `/healthz`: it sends no
//! answer and nothing to any visitor. That a connection is accepted proves nothing, because the system
//! accepts for a process that is frozen. What proves nothing about a server, either: time in which this
//! process did not run, and errors of our own, such as having no descriptors left.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::sleep;

use super::servers::Servers;
use crate::server::Health;

/// The pause between an answer and the next question.
const EVERY: Duration = Duration::from_millis(200);
/// How long a server may send nothing while it is asked. Visitors of a room are sent something every
/// second, so a server whose `/healthz` is late because it is busy with them is not silent.
const SILENCE: Duration = Duration::from_millis(1_200);
/// The time between two looks at whether something was received. A look that comes late, because this
/// process did not run, counts as one.
const STEP: Duration = Duration::from_millis(100);
/// A process that is or was a server, as the router reaches it. A server that is restarted is another one.
#[derive(Debug)]
pub(super) struct Upstream {
    /// The number of the server.
    pub(super) server: usize,
    pub(super) address: SocketAddr,
    /// Set by every connection to the server that receives something, and cleared at each look.
    pub(super) received: AtomicBool,
}

impl Upstream {
    pub(super) fn new(server: usize, address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            server,
            address,
            received: AtomicBool::new(false),
        })
    }
}

/// Asks all servers for as long as this is polled, those that join later as well.
pub(super) async fn check_all(servers: &watch::Sender<Servers>) {
    // A proxy of the environment (`http_proxy`) has no way to a server on this machine.
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("it has no settings that can be wrong");
    let (mut changes, mut checks) = (servers.subscribe(), FuturesUnordered::new());
    let mut checked: Vec<Arc<Upstream>> = Vec::new();
    loop {
        let upstreams = changes.borrow_and_update().upstreams();
        for upstream in &upstreams {
            if !checked.iter().any(|checked| Arc::ptr_eq(checked, upstream)) {
                checks.push(check(&client, Arc::clone(upstream), servers));
            }
        }
        checked = upstreams;
        // An error would mean that there is no sender, and here is one.
        tokio::select! {
            _ = changes.changed() => {}
            Some(()) = checks.next() => {}
        }
    }
}

/// What one question has shown.
enum Evidence {
    Answer(Health),
    /// Nobody listens at the address, or another server does, or nothing was received for [`SILENCE`].
    Lost,
    /// An error of our own, or a connection that broke: the next question will tell.
    Nothing,
}

/// Asks a server until another process has its number, or it has been taken away.
async fn check(
    client: &reqwest::Client,
    upstream: Arc<Upstream>,
    servers: &watch::Sender<Servers>,
) {
    let url = format!("http://{}/healthz", upstream.address);
    while servers.borrow().has(&upstream) {
        let answer = async { client.get(&url).send().await?.json::<Health>().await };
        match evidence(answer, &upstream).await {
            Evidence::Answer(health) => {
                servers.send_if_modified(|servers| servers.answered(&upstream, health));
            }
            Evidence::Lost => {
                servers.send_if_modified(|servers| servers.lost(&upstream));
            }
            Evidence::Nothing => {}
        }
        sleep(EVERY).await;
    }
}

async fn evidence(
    answer: impl Future<Output = reqwest::Result<Health>>,
    upstream: &Upstream,
) -> Evidence {
    let mut answer = pin!(answer);
    let mut silent = Duration::ZERO;
    while silent < SILENCE {
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer,
            () = sleep(STEP) => {
                silent = match upstream.received.swap(false, Relaxed) {
                    true => Duration::ZERO,
                    false => silent + STEP,
                };
                continue;
            }
        };
        return match answer {
            Ok(health) if health.server == upstream.server => Evidence::Answer(health),
            Ok(_) => Evidence::Lost,
            Err(error) if is_refused(&error) => Evidence::Lost,
            Err(_) => Evidence::Nothing,
        };
    }
    Evidence::Lost
}

/// Whether nobody listens at the address. Of all errors of a connection only this one is the other
/// side's: having no descriptor, no buffer or no port left are ours.
pub(super) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        cause = error.source();
    }
    false
}
