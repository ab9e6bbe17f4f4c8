//! The cache of servers that are all in this process, by tokio's clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use game::GameId;
use tokio::time::Instant;

use super::{Answer, Away, CommonCache, Kept};

/// It does what Redis does, and follows a clock that is paused.
#[derive(Clone, Debug, Default)]
pub struct InProcess(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<GameId, Entry>,
    leases: HashMap<GameId, (u64, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    version: u64,
    /// None for a mark: there is no answer, and none that is older may be put in.
    load_took: Option<Duration>,
    until: Instant,
}

impl InProcess {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, id: &GameId, entry: Entry) {
        let now = Instant::now();
        let mut inner = self.inner();
        let kept = inner.entries.get(id);
        if !kept.is_some_and(|kept| now < kept.until && entry.version < kept.version) {
            inner.entries.insert(id.clone(), entry);
        }
    }
}

impl CommonCache for InProcess {
    async fn get(&self, id: &GameId) -> Result<Option<Kept>, Away> {
        let entry = self.inner().entries.get(id).copied();
        let kept = |entry: Entry| {
            let ends_in = entry.until.checked_duration_since(Instant::now())?;
            Some(Kept {
                answer: Answer::of_version(entry.version)?,
                load_took: entry.load_took?,
                ends_in: Some(ends_in).filter(|left| !left.is_zero())?,
            })
        };
        Ok(entry.and_then(kept))
    }

    async fn put(&self, id: &GameId, kept: Kept) -> Result<(), Away> {
        self.set(
            id,
            Entry {
                version: kept.answer.version(),
                load_took: Some(kept.load_took),
                until: Instant::now() + kept.ends_in,
            },
        );
        Ok(())
    }

    async fn end_before(&self, id: &GameId, newest: Answer, awhile: Duration) -> Result<(), Away> {
        self.set(
            id,
            Entry {
                version: newest.version(),
                load_took: None,
                until: Instant::now() + awhile,
            },
        );
        Ok(())
    }

    async fn lease(&self, id: &GameId, holder: u64, at_most: Duration) -> Result<bool, Away> {
        let now = Instant::now();
        let mut inner = self.inner();
        if inner.leases.get(id).is_some_and(|(_, until)| now < *until) {
            return Ok(false);
        }
        inner.leases.insert(id.clone(), (holder, now + at_most));
        Ok(true)
    }

    async fn release(&self, id: &GameId, holder: u64) -> Result<(), Away> {
        let mut inner = self.inner();
        if inner.leases.get(id).is_some_and(|(of, _)| *of == holder) {
            inner.leases.remove(id);
        }
        Ok(())
    }
}
