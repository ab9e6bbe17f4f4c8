//! One server of a fleet, and what it does when there is no copy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use game::GameId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use super::{Answer, Away, CommonCache, Database, Kept, LoadFailed};
use crate::own_task::in_own_task;

/// How long a server that has no lease waits before it looks for the copy again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What keeps a fleet from loading the same game fifty times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Each server that finds no copy loads one.
    Nothing,
    /// One server is given the right to load, and the others wait for its copy. Facebook's memcache does
    /// this ("Scaling Memcache at Facebook", NSDI 2013, section 3.2.1).
    Lease,
    /// A reader loads before the copy ends, with a chance that grows: the more readers there are, the
    /// earlier one of them does. This is XFetch ("Optimal Probabilistic Cache Stampede Prevention",
    /// VLDB 2015).
    Early,
}

/// The settings of all servers of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What each does when there is no copy, or soon none.
    pub plan: Plan,
    /// How long a copy is used.
    pub time_to_live: Duration,
    /// By what share of it each copy's time differs, from 0 to 1: 0.1 is up to 10 % more or less.
    pub jitter: f64,
    /// Whether "there is no such game" is kept too.
    pub keeps_no_such_game: bool,
    /// For how long a holder may load before another server gets the lease. A load must be shorter.
    pub lease: Duration,
}

/// One server. Clones are the same server.
#[derive(Clone)]
pub struct FleetServer<C> {
    /// Names it as the holder of a lease.
    number: u64,
    cache: C,
    database: Database,
    settings: Settings,
    /// No guard crosses an await.
    random: Arc<Mutex<StdRng>>,
}

impl<C: CommonCache> FleetServer<C> {
    /// Servers of one fleet have different numbers; the same number makes the same random choices.
    pub fn new(number: u64, cache: C, database: Database, settings: Settings) -> Self {
        Self {
            number,
            cache,
            database,
            settings,
            random: Arc::new(Mutex::new(StdRng::seed_from_u64(number))),
        }
    }

    /// What is known of a game: from the cache, or from the database.
    ///
    /// # Errors
    /// The database did not answer this server.
    pub async fn read(&self, id: &GameId) -> Result<Answer, LoadFailed> {
        // A reader who leaves must not leave a lease behind.
        let (server, id) = (self.clone(), id.clone());
        in_own_task(async move { server.answer(&id).await }).await
    }

    async fn answer(&self, id: &GameId) -> Result<Answer, LoadFailed> {
        loop {
            match self.cache.get(id).await {
                Ok(Some(kept)) if !self.is_due(&kept) => return Ok(kept.answer),
                // No copy; or one that is due, and then chance has chosen this reader.
                Ok(_) if self.settings.plan != Plan::Lease => return self.load(id).await,
                Ok(_) => {}
                // There is no lease either then. A database that is asked too often is better than none.
                Err(Away) => return self.database.load(id).await,
            }
            let leased = self.cache.lease(id, self.number, self.settings.lease).await;
            if leased != Ok(false) {
                return self.load_with_lease(id).await;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn load_with_lease(&self, id: &GameId) -> Result<Answer, LoadFailed> {
        // The last holder may have put its copy in, and given the lease back, after we had looked.
        let answer = match self.cache.get(id).await {
            Ok(Some(kept)) => Ok(kept.answer),
            Ok(None) | Err(Away) => self.load(id).await,
        };
        // Also after a failure: otherwise all wait until the lease ends, for a server that does nothing.
        let _ = self.cache.release(id, self.number).await;
        answer
    }

    /// Loads a game and keeps the answer.
    async fn load(&self, id: &GameId) -> Result<Answer, LoadFailed> {
        let began = Instant::now();
        let answer = self.database.load(id).await?;
        if answer != Answer::NoSuchGame || self.settings.keeps_no_such_game {
            let kept = Kept {
                answer,
                load_took: began.elapsed(),
                ends_in: self.time_to_live(),
            };
            // If it is not kept, the next reader loads again.
            let _ = self.cache.put(id, kept).await;
        }
        Ok(answer)
    }

    /// Makes a game or plays its next move, and ends what the cache says of it from before.
    pub async fn add(&self, id: &GameId) -> Answer {
        let added = self.database.add(id);
        let longest = self
            .settings
            .time_to_live
            .mul_f64(1.0 + self.settings.jitter);
        let awhile = longest + self.settings.lease;
        // A cache that is away goes on saying it until its time has ended.
        let _ = self.cache.end_before(id, added, awhile).await;
        added
    }

    /// Whether this reader should load the game before its copy ends: XFetch with its parameter beta of 1.
    fn is_due(&self, kept: &Kept) -> bool {
        // The logarithm of a number above 0 and at most 1: mostly near 0, and now and then far below it.
        let chance = (1.0 - self.random(|random| random.random::<f64>())).ln();
        let early = kept.load_took.mul_f64(-chance);
        self.settings.plan == Plan::Early && kept.ends_in <= early
    }

    fn time_to_live(&self) -> Duration {
        let jitter = self.settings.jitter;
        let share = self.random(|random| random.random_range(-jitter..=jitter));
        self.settings.time_to_live.mul_f64(1.0 + share)
    }

    fn random<T>(&self, choose: impl FnOnce(&mut StdRng) -> T) -> T {
        choose(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
