//! A user of the play.

use pubsub_manager::{Connection, Outlet, Stock};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

pub(crate) struct User {
    pub(crate) connection: Connection<Pocket>,
    pub(crate) stocks: Vec<Stock>,
}

/// Takes everything that users are told and counts the prices, the one on joining left aside.
#[derive(Clone, Default)]
pub(crate) struct Pocket(Arc<AtomicU64>);

impl Pocket {
    pub(crate) fn prices(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Outlet for Pocket {
    fn offer(&self, bytes: &[u8]) -> io::Result<usize> {
        let is_new_price = |line: &&[u8]| {
            line.starts_with(br#"{"type":"price""#) && !line.ends_with(br#""last":true}"#)
        };
        let prices = bytes
            .split(|byte| *byte == b'\n')
            .filter(is_new_price)
            .count();
        self.0.fetch_add(prices as u64, Relaxed);
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}
