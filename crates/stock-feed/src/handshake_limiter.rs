//! Limits the connections whose HTTP exchange, for a user its handshake, is not finished.
//!
//! A connection costs a client nothing, and costs the server a descriptor: with 5,000 sockets that
//! send nothing, one client could keep all others out. So each connection needs one of 256 permits until
//! its request is answered. When all permits are in use and another client connects, the address with the
//! most unfinished handshakes loses its oldest one. While a permit is free no handshake is evicted, and a
//! slow client has the whole `--handshake-time`.
//!
//! A connection is for one request. A page that asks for figures once a second would otherwise hold
//! a permit for as long as it is open, and a few hundred open pages would keep every new user out.
//!
//! Measured in November 2026, 2 cores. 5,000 half-open sockets of one address: a good handshake and
//! `/healthz` are answered after 0.4 s; they took 7.9 s when, with all permits in use, one timer for all ended
//! each client that had sent nothing for 250 ms. The permits and hyper's timer for each connection cost
//! 0.5 µs of the 20 that a connecting user does (`feed-load users --users 15000`, in turn with that
//! one timer, five times): 2 %, and less than two runs differ.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use program::RateLimitedLog;
use slab::Slab;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::addresses::network;

/// How many handshakes may be unfinished at a time. Each is a descriptor that no user can have, so there
/// are not more than are needed.
pub(crate) const MAX_HANDSHAKES: usize = 256;

/// How old a handshake is at least when it is evicted. A good client sends its request as soon as it is
/// connected, but that takes a round trip: when a proxy restarts, hundreds of good handshakes of its one
/// address are a few milliseconds old. At 25 ms the permits change hands ten
/// thousand times a second.
const MIN_AGE: Duration = Duration::from_millis(25);

/// Gives permits for handshakes.
#[derive(Debug)]
pub(crate) struct HandshakeLimiter {
    /// Taken by the task that accepts, given back by each connection's task when its permit is dropped.
    permits: Semaphore,
    /// One entry for each permit in use. The accepting task inserts and looks for a victim, each connection's
    /// task removes its own entry; the lock is never held over an await.
    unfinished: Mutex<Slab<Handshake>>,
    evictions: RateLimitedLog,
}

#[derive(Debug)]
struct Handshake {
    address: IpAddr,
    since: Instant,
    /// None once it was evicted; its task may not have seen that yet.
    evict: Option<oneshot::Sender<()>>,
}

/// The handshake that an eviction would end.
#[derive(Debug)]
struct Victim {
    key: usize,
    since: Instant,
    address: IpAddr,
    /// How many handshakes its address has.
    handshakes: usize,
}

impl HandshakeLimiter {
    pub(crate) fn new() -> Self {
        Self {
            permits: Semaphore::new(MAX_HANDSHAKES),
            unfinished: Mutex::new(Slab::with_capacity(MAX_HANDSHAKES)),
            evictions: RateLimitedLog::default(),
        }
    }

    /// Gives a permit to a client that has connected; if there is none, it evicts another client's handshake.
    /// Only one task may wait here, the one that accepts: two would evict two handshakes for one permit.
    pub(crate) async fn admit(&'static self, client: IpAddr) -> HandshakePermit {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.make_room().await,
        };
        let (evict, evicted) = oneshot::channel();
        let key = self.unfinished.lock().insert(Handshake {
            address: network(client),
            since: Instant::now(),
            evict: Some(evict),
        });
        HandshakePermit {
            limiter: self,
            key,
            evicted,
            _permit: permit,
        }
    }

    async fn make_room(&'static self) -> SemaphorePermit<'static> {
        // There is no victim if all have been evicted and their tasks have not run since: then their permits
        // are about to be free.
        if let Some(victim) = self.victim() {
            // Waiting for a permit and not just for the time: a handshake that finishes meanwhile saves the
            // victim.
            let old_enough = victim.since + MIN_AGE;
            if let Ok(permit) = timeout_at(old_enough, self.permits.acquire()).await {
                return permit.expect("the semaphore is never closed");
            }
            self.evict(&victim);
        }
        // The victim's permit is free when its task has seen the eviction and dropped it.
        let permit = self.permits.acquire().await;
        permit.expect("the semaphore is never closed")
    }

    /// The oldest handshake of the address with the most; if addresses have equally many, the oldest of all.
    /// Counted only when it is needed: a flood pays for the count with its own connections, and a handshake
    /// in quiet times costs no more than an entry in a slab.
    fn victim(&self) -> Option<Victim> {
        let unfinished = self.unfinished.lock();
        let mut many: HashMap<IpAddr, usize> = HashMap::new();
        for (_, handshake) in &*unfinished {
            *many.entry(handshake.address).or_default() += 1;
        }
        // Those that were evicted count for their address, because they still have a permit; but evicting them
        // again would free nothing.
        let evictable = unfinished.iter().filter(|(_, one)| one.evict.is_some());
        let victims = evictable.map(|(key, handshake)| Victim {
            key,
            since: handshake.since,
            address: handshake.address,
            handshakes: many[&handshake.address],
        });
        victims.max_by_key(|victim| (victim.handshakes, Reverse(victim.since)))
    }

    fn evict(&self, victim: &Victim) {
        let mut unfinished = self.unfinished.lock();
        // None if the victim has finished since it was chosen. Its entry is not another client's by now: only
        // the task that is here inserts entries.
        let handshake = unfinished.get_mut(victim.key);
        if let Some(evict) = handshake.and_then(|handshake| handshake.evict.take()) {
            // An error says that it has just finished, so its permit is free.
            let _ = evict.send(());
        }
        drop(unfinished);
        if let Some(evicted) = self.evictions.count() {
            tracing::warn!(
                evicted,
                address = %victim.address,
                handshakes = victim.handshakes,
                permits = MAX_HANDSHAKES,
                "all permits for handshakes are taken: the address with the most unfinished ones loses its oldest"
            );
        }
    }
}

/// The right to be in the middle of a handshake, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct HandshakePermit {
    limiter: &'static HandshakeLimiter,
    key: usize,
    evicted: oneshot::Receiver<()>,
    _permit: SemaphorePermit<'static>,
}

impl HandshakePermit {
    /// Runs the exchange with the client to its end; the outcome is none if it is evicted before.
    pub(crate) async fn run<T>(&mut self, exchange: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // In this order: on a busy machine this task runs late, and the request that it waits for may have
            // arrived before the eviction is seen. It is answered then.
            biased;
            outcome = exchange => Some(outcome),
            _ = &mut self.evicted => None,
        }
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        self.limiter.unfinished.lock().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::{advance, timeout};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn limiter() -> &'static HandshakeLimiter {
        Box::leak(Box::new(HandshakeLimiter::new()))
    }

    /// Admits a client, and lets a moment pass, so that each is older than the next.
    async fn admit(limiter: &'static HandshakeLimiter, client: &str) -> HandshakePermit {
        let permit = timeout(2 * MIN_AGE, limiter.admit(client.parse().unwrap())).await;
        advance(MOMENT).await;
        permit.expect("somebody is evicted who notices")
    }

    async fn flood(limiter: &'static HandshakeLimiter, many: usize) -> Vec<HandshakePermit> {
        let mut permits = Vec::new();
        for _ in 0..many {
            permits.push(admit(limiter, "192.0.2.99").await);
        }
        permits
    }

    /// Runs a handshake that never ends; is ready when it was evicted.
    async fn run_until_evicted(mut permit: HandshakePermit) {
        assert_eq!(permit.run(pending::<()>()).await, None);
    }

    fn is_evicted(permit: &mut HandshakePermit) -> bool {
        permit.evicted.try_recv().is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_address_with_the_most_handshakes_loses_its_oldest_and_no_other_does() {
        let limiter = limiter();
        let mut early = admit(limiter, "192.0.2.1").await;
        let mut flood = flood(limiter, MAX_HANDSHAKES - 1).await;
        let oldest = tokio::spawn(run_until_evicted(flood.remove(0)));
        let _late = admit(limiter, "192.0.2.3").await;
        timeout(MIN_AGE, oldest).await.expect("evicted").unwrap();
        assert!(!flood.iter_mut().any(is_evicted));
        assert!(!is_evicted(&mut early));
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_addresses_have_equally_many_the_oldest_of_all_is_evicted() {
        let limiter = limiter();
        let mut permits = Vec::new();
        for n in 0..MAX_HANDSHAKES {
            permits.push(admit(limiter, &format!("192.0.2.{n}")).await);
        }
        let oldest = tokio::spawn(run_until_evicted(permits.remove(0)));
        let _late = admit(limiter, "198.51.100.1").await;
        timeout(MIN_AGE, oldest).await.expect("evicted").unwrap();
        assert!(!permits.iter_mut().any(is_evicted));
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_permit_is_free_no_handshake_is_evicted_however_old_it_is() {
        let limiter = limiter();
        let mut flood = flood(limiter, MAX_HANDSHAKES - 1).await;
        advance(Duration::from_secs(3600)).await;
        let _last = admit(limiter, "192.0.2.1").await;
        assert!(!flood.iter_mut().any(is_evicted));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_younger_than_the_minimum_is_not_evicted() {
        let limiter = limiter();
        let mut permits = Vec::new();
        let begun = Instant::now();
        for _ in 0..MAX_HANDSHAKES {
            permits.push(limiter.admit("192.0.2.99".parse().unwrap()).await);
        }
        // One that finishes is as good as one that is evicted, and it finishes before.
        let admitted = tokio::spawn(limiter.admit("192.0.2.1".parse().unwrap()));
        tokio::task::yield_now().await;
        drop(permits.pop());
        let first = timeout(MIN_AGE / 2, admitted).await.unwrap().unwrap();
        assert!(!permits.iter_mut().any(is_evicted));
        // Nobody finishes, so the next one waits until an eviction is due.
        for permit in permits {
            tokio::spawn(run_until_evicted(permit));
        }
        let _second = limiter.admit("192.0.2.1".parse().unwrap()).await;
        assert!(begun.elapsed() >= MIN_AGE);
        drop(first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_has_arrived_is_answered_although_its_client_was_evicted_meanwhile() {
        let limiter = limiter();
        let mut permit = admit(limiter, "192.0.2.1").await;
        limiter.evict(&limiter.victim().unwrap());
        assert_eq!(permit.run(ready("answered")).await, Some("answered"));
        assert_eq!(permit.run(pending::<()>()).await, None);
    }
}
