//! A user of a test: it keeps what it is sent, and can stop reading.

use hub::{Feed, Socket};
use parking_lot::Mutex;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A socket that keeps what it takes. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct TestClient(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// What was taken and not yet read.
    taken: Vec<u8>,
    received: Vec<Received>,
    /// How many bytes it still takes, or `None` if it takes all.
    room: Option<usize>,
    gone: bool,
    closed: bool,
    shut_down: bool,
    waker: Option<Waker>,
}

/// One message that a user was sent, read from the wire's JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Subscribed(String),
    Unsubscribed(String),
    Price {
        stock: String,
        price: String,
        last: bool,
        missed: u64,
    },
    Status {
        feed: Feed,
        stock: Option<String>,
    },
}

impl TestClient {
    /// Takes `bytes` more, then nothing until `take_all`.
    pub(crate) fn take_only(&self, bytes: usize) {
        self.room(Some(bytes));
    }

    /// Takes everything again.
    pub(crate) fn take_all(&self) {
        self.room(None);
    }

    /// Breaks the socket: every write is an error.
    pub(crate) fn hang_up(&self) {
        self.0.lock().gone = true;
        self.room(None);
    }

    /// Whether the hub has evicted this user.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Whether the hub has shut it down, after its final frame.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.0.lock().shut_down
    }

    /// Every whole message that it was sent, oldest first.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.with_received(<[Received]>::to_vec)
    }

    /// The prices of one stock that it was sent, oldest first.
    pub(crate) fn prices(&self, of: &str) -> Vec<String> {
        let price = |received: &Received| match received {
            Received::Price { stock, price, .. } if stock == of => Some(price.clone()),
            _ => None,
        };
        self.with_received(|received| received.iter().filter_map(price).collect())
    }

    /// The state of the feed that the user was sent last.
    pub(crate) fn feed(&self) -> Option<Feed> {
        let feed = |received: &Received| match received {
            Received::Status { feed, stock: None } => Some(*feed),
            _ => None,
        };
        self.with_received(|received| received.iter().rev().find_map(feed))
    }

    /// Calls `look` with every whole message that it was sent, oldest first.
    pub(crate) fn with_received<T>(&self, look: impl FnOnce(&[Received]) -> T) -> T {
        let mut inner = self.0.lock();
        let whole = inner
            .taken
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let lines: Vec<u8> = inner.taken.drain(..whole).collect();
        inner.received.extend(
            lines
                .split_inclusive(|byte| *byte == b'\n')
                .map(Received::read),
        );
        look(&inner.received)
    }

    fn room(&self, room: Option<usize>) {
        let mut inner = self.0.lock();
        inner.room = room;
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
    }
}

impl Socket for TestClient {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock();
        if inner.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = inner.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        inner.taken.extend_from_slice(&bytes[..taken]);
        inner.room = inner.room.map(|room| room - taken);
        Ok(taken)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        if inner.room != Some(0) {
            return Poll::Ready(Ok(()));
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn shutdown(&self) {
        self.0.lock().shut_down = true;
    }

    fn close(&self) {
        self.0.lock().closed = true;
    }
}

impl Received {
    fn read(line: &[u8]) -> Self {
        let message: Value = serde_json::from_slice(line)
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(line)));
        let text = |key: &str| message[key].as_str().map(str::to_owned);
        let stock = text("stock");
        let named = || {
            stock
                .clone()
                .unwrap_or_else(|| panic!("no stock in {message}"))
        };
        match message["type"].as_str() {
            Some("subscribed") => Self::Subscribed(named()),
            Some("unsubscribed") => Self::Unsubscribed(named()),
            Some("price") => Self::Price {
                stock: named(),
                price: text("price").unwrap_or_else(|| panic!("no price in {message}")),
                last: message["last"].as_bool().unwrap_or(false),
                missed: message["missed"].as_u64().unwrap_or(0),
            },
            Some("status") => {
                let feed = if message["feed"] == "live" {
                    Feed::Live
                } else {
                    Feed::Stale
                };
                Self::Status { feed, stock }
            }
            _ => panic!("the wire protocol has no {message}"),
        }
    }
}
