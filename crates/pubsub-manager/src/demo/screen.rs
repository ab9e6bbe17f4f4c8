//! Prints plain lines, so that a projector and a pipe show the same.

use pubsub_manager::{HubEvent, Price, RedisAddress, Stock};
use std::{
    fmt::Display,
    io::{self, Write},
    process,
    sync::Mutex,
};

/// The figures, and the one line that sums them up.
pub(crate) struct Verdict {
    pub(crate) details: Vec<String>,
    pub(crate) summary: String,
}

pub(crate) struct Screen {
    /// The left column of the next line: a round's number, or empty after a round's first line.
    label: Mutex<String>,
    over_redis: bool,
}

impl Screen {
    pub(crate) fn new(redis: Option<&RedisAddress>) -> Self {
        let screen = Self {
            label: Mutex::new("round".into()),
            over_redis: redis.is_some(),
        };
        let place = match redis {
            Some(address) => address.to_string(),
            None => "a broker in this process".into(),
        };
        screen.print(&format!(
            "pubsub-manager: one manager between {place} and its users"
        ));
        screen.line("what happens");
        screen
    }

    pub(crate) fn round(&self, round: u64) {
        self.label(round.to_string());
    }

    pub(crate) fn end(&self) {
        self.label("end".into());
    }

    pub(crate) fn event(&self, event: &HubEvent) {
        self.line(event);
        if let HubEvent::Stale { reason } = event
            && reason.starts_with("no Redis")
        {
            self.line("start one there: redis-server, or docker run with the image redis");
            self.line("the manager tries again until it is there");
        }
    }

    pub(crate) fn unsent(&self, stock: Stock, price: Price) {
        self.line(&format!(
            "price {price} of {stock} -> it has no user here; the broker keeps it"
        ));
    }

    pub(crate) fn verdict(&self, verdict: &Verdict) {
        for detail in &verdict.details {
            self.line(detail);
        }
        self.print(if self.over_redis {
            "try: run it in two terminals, and redis-cli PUBSUB CHANNELS in a third"
        } else {
            "try: redis-server, then --redis redis://127.0.0.1:6379 --forever"
        });
        self.print(&format!("verdict: {}", verdict.summary));
    }

    fn label(&self, label: String) {
        *self.lock() = label;
    }

    fn line(&self, what: &(impl Display + ?Sized)) {
        let label = std::mem::take(&mut *self.lock());
        self.print(&format!("{label:>5}  {what}"));
    }

    fn print(&self, line: &str) {
        if let Err(error) = writeln!(io::stdout(), "{line}") {
            // The reader has closed the pipe, as `| head` does; a full disk is a failure.
            if error.kind() == io::ErrorKind::BrokenPipe {
                process::exit(0);
            }
            let _ = writeln!(
                io::stderr(),
                "pubsub-manager: cannot write to stdout: {error}"
            );
            process::exit(1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.label
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
