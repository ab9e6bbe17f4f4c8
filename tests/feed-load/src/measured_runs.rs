//! Three fleets that were measured, to hold the model against.

use crate::fleet::{EACH, PACE, STOCKS};
use crate::model::{Fleet, Redis};
use crate::planned::{Beside, Planned};

/// Medians of four runs of a command, on the machine of [`crate::costs::MACHINE`]. The figures are those that
/// the command prints as `plan` with `--json`.
pub(crate) struct MeasuredRun {
    pub(crate) command: &'static str,
    users: f64,
    servers: f64,
    redis: Redis,
    churn: f64,
    /// Prices and deliveries a second.
    prices: f64,
    deliveries: f64,
    received: f64,
    servers_cores: f64,
    redises_cores: f64,
    servers_mib: f64,
    redises_mib: f64,
}

/// None of them is one from which a cost was taken.
pub(crate) const MEASURED_RUNS: [MeasuredRun; 3] = [
    MeasuredRun {
        command: "fleet --servers 2 --users 5000 --deliveries 5000 --churn 50 --life 15s",
        users: 5_000.0,
        servers: 2.0,
        redis: Redis::One,
        churn: 50.0,
        prices: 174.5,
        deliveries: 4_991.0,
        received: 342.7,
        servers_cores: 0.0885,
        redises_cores: 0.00516,
        servers_mib: 13.90,
        redises_mib: 2.97,
    },
    MeasuredRun {
        command: "fleet --cluster 3 --servers 4 --users 20000 --deliveries 15000 --churn 200 --life 15s",
        users: 20_000.0,
        servers: 4.0,
        redis: Redis::Cluster(3.0),
        churn: 200.0,
        prices: 124.4,
        deliveries: 14_932.0,
        received: 496.4,
        servers_cores: 0.2554,
        redises_cores: 0.03081,
        servers_mib: 41.17,
        redises_mib: 21.80,
    },
    MeasuredRun {
        command: "fleet --servers 6 --users 60000 --deliveries 20000 --churn 500 --life 15s",
        users: 60_000.0,
        servers: 6.0,
        redis: Redis::One,
        churn: 500.0,
        prices: 59.6,
        deliveries: 19_913.0,
        received: 357.6,
        servers_cores: 0.4103,
        redises_cores: 0.00703,
        servers_mib: 80.99,
        redises_mib: 3.29,
    },
];

impl MeasuredRun {
    /// What the model says of it, beside what was measured.
    pub(crate) fn planned(&self) -> Planned {
        let fleet = Fleet {
            users: self.users,
            stocks: f64::from(STOCKS),
            each: f64::from(EACH),
            prices: self.prices,
            deliveries: self.deliveries,
            batches: 1.0 / PACE.as_secs_f64(),
            churn: self.churn,
            servers: self.servers,
            machines: 1.0,
            redis: self.redis,
        };
        let takes = fleet.takes();
        Planned {
            received: Beside::new(takes.received, self.received),
            servers_cores: Beside::new(takes.servers_cores, self.servers_cores),
            redises_cores: Beside::new(takes.redises_cores, self.redises_cores),
            servers_mib: Beside::new(takes.servers_mib, self.servers_mib),
            redises_mib: Beside::new(takes.redises_mib, self.redises_mib),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_within_a_fifth_of_three_measured_fleets() {
        for run in &MEASURED_RUNS {
            for (what, ratio) in run.planned().ratios() {
                assert!(
                    (0.8..=1.2).contains(&ratio),
                    "{what} of {}: planned by measured is {ratio:.2}",
                    run.command
                );
            }
        }
    }
}
