//! The model of `feed-load plan` beside what was measured: how far may it be trusted on this machine?

use serde::Serialize;

use crate::fleet::{EACH, Fleet, Life, PACE, STOCKS};
use crate::model;

/// Figures of the life before the kill.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Planned {
    /// Messages from Redis to servers, a second.
    pub(crate) received: Beside,
    /// Cores that all servers kept busy.
    pub(crate) servers_cores: Beside,
    /// Cores that all Redis processes kept busy.
    pub(crate) redises_cores: Beside,
    /// MiB of all servers after it.
    pub(crate) servers_mib: Beside,
    /// MiB of all Redis processes after it.
    pub(crate) redises_mib: Beside,
}

/// One figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) planned: f64,
    pub(crate) measured: f64,
    /// Planned by measured.
    pub(crate) ratio: f64,
}

impl Planned {
    pub(crate) fn of(fleet: &Fleet, life: &Life) -> Self {
        let quiet = &life.quiet;
        let a_second = |count: u64| count as f64 / quiet.seconds;
        let load = model::Fleet {
            users: fleet.users as f64,
            stocks: f64::from(STOCKS),
            each: f64::from(EACH),
            prices: a_second(quiet.published),
            deliveries: a_second(quiet.deliveries),
            batches: 1.0 / PACE.as_secs_f64(),
            churn: f64::from(fleet.churn),
            servers: fleet.servers as f64,
            machines: 1.0,
            redis: match fleet.cluster {
                None => model::Redis::One,
                Some(masters) => model::Redis::Cluster(masters as f64),
            },
        };
        let takes = load.takes();
        let beside = Beside::new;
        Self {
            received: beside(takes.received, a_second(quiet.received)),
            servers_cores: beside(
                takes.servers_cores,
                quiet.servers_cpu_seconds / quiet.seconds,
            ),
            redises_cores: beside(
                takes.redises_cores,
                quiet.redises_cpu_seconds / quiet.seconds,
            ),
            servers_mib: beside(takes.servers_mib, life.servers_mib),
            redises_mib: beside(takes.redises_mib, life.redises_mib),
        }
    }

    /// Planned by measured, by the figure's name.
    pub(crate) fn ratios(&self) -> [(&'static str, f64); 5] {
        [
            ("messages to servers", self.received.ratio),
            ("CPU of the servers", self.servers_cores.ratio),
            ("CPU of Redis", self.redises_cores.ratio),
            ("memory of the servers", self.servers_mib.ratio),
            ("memory of Redis", self.redises_mib.ratio),
        ]
    }
}

impl Beside {
    pub(crate) fn new(planned: f64, measured: f64) -> Self {
        Self {
            planned,
            measured,
            ratio: planned / measured,
        }
    }
}
