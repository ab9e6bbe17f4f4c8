//! A user of the demonstration.

use pubsub_manager::{Connection, Socket, Stock};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

pub(crate) struct User {
    pub(crate) connection: Connection<CountingSocket>,
    pub(crate) stocks: Vec<Stock>,
}

/// Takes everything that users are sent and counts the prices.
#[derive(Clone, Default)]
pub(crate) struct CountingSocket(Arc<AtomicU64>);

impl CountingSocket {
    pub(crate) fn prices(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Socket for CountingSocket {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let is_price = |line: &&[u8]| line.starts_with(br#"{"type":"price""#);
        let prices = bytes.split(|byte| *byte == b'\n').filter(is_price).count();
        self.0.fetch_add(prices as u64, Relaxed);
        Ok(bytes.len())
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {}
}
