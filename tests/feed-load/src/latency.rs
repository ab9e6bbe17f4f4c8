//! From publication to arrival, in percentiles.

use hdrhistogram::Histogram;
use serde::Serialize;

/// What the users of a measurement report together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// Of every price, in microseconds.
    pub(crate) all: Distribution,
    /// Of the newest price of each read: how old the price is that a user sees.
    pub(crate) newest: Distribution,
    /// Between two reads of one user: how long the server takes to come round to it again.
    pub(crate) between_reads: Distribution,
}

/// A distribution of times.
#[derive(Clone, Debug)]
pub(crate) struct Distribution(Histogram<u64>);

/// The percentiles that people ask for, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are valid"))
    }
}

impl Distribution {
    /// Adds pairs of microseconds and how often they were seen.
    pub(crate) fn add(&mut self, pairs: &[(u64, u64)]) {
        for (micros, count) in pairs {
            self.0
                .record_n(*micros, *count)
                .expect("a histogram without bounds grows to what it is given");
        }
    }

    /// The percentiles, if anything was seen.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max() as f64 / 1_000.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_workers_together() {
        let mut distribution = Distribution::default();
        assert_eq!(distribution.percentiles(), None);
        distribution.add(&[(1_000, 90)]);
        distribution.add(&[(50_000, 9), (200_000, 1)]);
        let seen = distribution.percentiles().unwrap();
        assert!(
            (seen.p50 - 1.0).abs() < 0.01 && (seen.p99 - 50.0).abs() < 0.1,
            "{seen:?}"
        );
        assert!((seen.max - 200.0).abs() < 0.2, "{seen:?}");
    }
}
