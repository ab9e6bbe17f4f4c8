//! Which servers are up: each is asked, again and again, with a deadline. That a connection to it is
//! accepted says nothing: the system accepts for a process that is frozen.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::server::Health;

/// How often a server is asked.
const EVERY: Duration = Duration::from_millis(200);
/// How long it may take to answer.
const DEADLINE: Duration = Duration::from_millis(200);
/// So many answers of one kind in a row change what is believed.
const IN_A_ROW: u32 = 2;

/// What the router believes of its servers.
#[derive(Clone, Debug)]
pub struct Servers(Vec<Server>);

#[derive(Clone, Debug, Serialize)]
struct Server {
    server: usize,
    up: bool,
    /// Answers in a row that say otherwise.
    #[serde(skip)]
    otherwise: u32,
    /// What it said last.
    health: Option<Health>,
}

impl Servers {
    /// So many, all up.
    pub fn all_up(count: usize) -> Self {
        let server = |server| Server {
            server,
            up: true,
            otherwise: 0,
            health: None,
        };
        Self((1..=count).map(server).collect())
    }

    /// The numbers of those that are up.
    pub fn up(&self) -> Vec<usize> {
        let up = self.0.iter().filter(|server| server.up);
        up.map(|server| server.server).collect()
    }

    /// Nobody listens at its address: that needs no second look.
    pub fn refused(&mut self, server: usize) {
        let server = &mut self.0[server - 1];
        (server.up, server.otherwise) = (false, 0);
    }

    /// For people and pages.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("these have only texts and numbers")
    }

    /// Whether what is believed of the server changes.
    fn answered(&mut self, server: usize, health: Option<Health>) -> bool {
        let server = &mut self.0[server - 1];
        let up = health.is_some();
        server.health = health.or(server.health.take());
        server.otherwise = match server.up == up {
            true => 0,
            false => server.otherwise + 1,
        };
        let changes = server.otherwise >= IN_A_ROW;
        if changes {
            (server.up, server.otherwise) = (up, 0);
        }
        changes
    }
}

/// Asks all servers for as long as this is polled.
pub(super) async fn check_all(addresses: &[SocketAddr], servers: &watch::Sender<Servers>) {
    let client = reqwest::Client::builder().timeout(DEADLINE).build();
    let client = client.expect("it has no settings that can be wrong");
    let checks = addresses.iter().zip(1..);
    join_all(checks.map(|(address, number)| check(&client, *address, number, servers))).await;
}

async fn check(
    client: &reqwest::Client,
    address: SocketAddr,
    number: usize,
    servers: &watch::Sender<Servers>,
) {
    let url = format!("http://{address}/healthz");
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let answer = async { client.get(&url).send().await?.json::<Health>().await };
        match answer.await {
            Err(error) if error.is_connect() && !error.is_timeout() => {
                servers.send_if_modified(|servers| {
                    let was_up = servers.up().contains(&number);
                    servers.refused(number);
                    was_up
                });
            }
            // Another server at this address is not the one that we look for.
            answer => {
                let health = answer.ok().filter(|health| health.server == number);
                servers.send_if_modified(|servers| servers.answered(number, health));
            }
        }
    }
}
