//! Who gets the next request: any server, picked at random.

use std::sync::{Mutex, PoisonError};

use rand::RngExt;
use rand::rngs::StdRng;

/// The servers that are believed to be up, as a load balancer knows them.
///
/// It picks at random because nothing is gained by choosing: no server knows more than another.
#[derive(Debug, Default)]
pub(super) struct Balancer {
    servers: Mutex<Vec<Target>>,
}

/// Where a request can be sent.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) number: usize,
    pub(super) url: String,
}

impl Balancer {
    pub(super) fn add(&self, number: usize, url: &str) {
        let url = url.to_owned();
        self.with(|servers| servers.push(Target { number, url }));
    }

    /// Nothing listens there any more: nobody is sent there again.
    pub(super) fn remove(&self, number: usize) {
        self.with(|servers| servers.retain(|server| server.number != number));
    }

    /// A server at random; where there is a choice, another one than `failed`.
    pub(super) fn pick(&self, random: &mut StdRng, failed: Option<usize>) -> Option<Target> {
        self.with(|servers| {
            let others = || {
                servers
                    .iter()
                    .filter(|server| Some(server.number) != failed)
            };
            match others().count() {
                0 => servers.first().cloned(),
                count => others().nth(random.random_range(0..count)).cloned(),
            }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Target>) -> T) -> T {
        work(&mut self.servers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
