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
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::server::Health;

/// The pause between an answer and the next question.
const EVERY: Duration = Duration::from_millis(200);
/// How long a server may send nothing while it is asked. Visitors of a room are sent something every
/// second, so a server whose `/healthz` is late because it is busy with them is not silent.
const SILENCE: Duration = Duration::from_millis(1_200);
/// The time between two looks at whether something was received. A look that comes late, because this
/// process did not run, counts as one.
const STEP: Duration = Duration::from_millis(100);
/// So many answers in a row, and a server that was down is up.
const ANSWERS_IN_A_ROW: u32 = 2;

/// One server, as the router reaches it.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    /// Set by every connection to the server that receives something, and cleared at each look.
    pub(super) received: AtomicBool,
}

/// What the router believes of its servers.
#[derive(Clone, Debug)]
pub struct Servers(Vec<Server>);

#[derive(Clone, Debug, Serialize)]
struct Server {
    server: usize,
    up: bool,
    /// Answers in a row while it is down.
    #[serde(skip)]
    answers: u32,
    /// Its last answer to `/healthz`, none before the first.
    health: Option<Health>,
}

impl Servers {
    /// This many servers, all up.
    pub fn all_up(count: usize) -> Self {
        let server = |server| Server {
            server,
            up: true,
            answers: 0,
            health: None,
        };
        Self((1..=count).map(server).collect())
    }

    /// The numbers of those that are up.
    pub fn up(&self) -> Vec<usize> {
        let up = self.0.iter().filter(|server| server.up);
        up.map(|server| server.server).collect()
    }

    /// For people and pages.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("these have only texts and numbers")
    }

    /// The server is down; returns whether that is new.
    pub(super) fn lost(&mut self, server: usize) -> bool {
        let server = &mut self.0[server - 1];
        server.answers = 0;
        std::mem::replace(&mut server.up, false)
    }

    /// The server has answered; returns whether it is up only now.
    fn answered(&mut self, server: usize, health: Health) -> bool {
        let server = &mut self.0[server - 1];
        server.health = Some(health);
        if server.up {
            return false;
        }
        server.answers += 1;
        server.up = server.answers >= ANSWERS_IN_A_ROW;
        server.up
    }
}

/// Asks all servers for as long as this is polled.
pub(super) async fn check_all(upstreams: &[Upstream], servers: &watch::Sender<Servers>) {
    // A proxy of the environment (`http_proxy`) has no way to a server on this machine.
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("it has no settings that can be wrong");
    let checks = upstreams.iter().zip(1..);
    join_all(checks.map(|(upstream, number)| check(&client, upstream, number, servers))).await;
}

/// What one question has shown.
enum Evidence {
    Answer(Health),
    /// Nobody listens at the address, or another server does, or nothing was received for [`SILENCE`].
    Lost,
    /// An error of our own, or a connection that broke: the next question will tell.
    Nothing,
}

async fn check(
    client: &reqwest::Client,
    upstream: &Upstream,
    number: usize,
    servers: &watch::Sender<Servers>,
) {
    let url = format!("http://{}/healthz", upstream.address);
    loop {
        let answer = async { client.get(&url).send().await?.json::<Health>().await };
        match evidence(answer, upstream, number).await {
            Evidence::Answer(health) => {
                servers.send_if_modified(|servers| servers.answered(number, health));
            }
            Evidence::Lost => {
                servers.send_if_modified(|servers| servers.lost(number));
            }
            Evidence::Nothing => {}
        }
        sleep(EVERY).await;
    }
}

async fn evidence(
    answer: impl Future<Output = reqwest::Result<Health>>,
    upstream: &Upstream,
    number: usize,
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
            Ok(health) if health.server == number => Evidence::Answer(health),
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
