//! What one sees: plain lines, so that a projector and a pipe show the same.

use pubsub_manager::{Event, Price, RedisUrl, Stock};
use std::{
    fmt::Display,
    io::{self, Write},
    process,
    sync::Mutex,
};

pub(crate) struct Screen {
    /// What stands in the left column of the next line; the rest of a round's lines have none.
    label: Mutex<String>,
    redis: Option<RedisUrl>,
}

impl Screen {
    pub(crate) fn new(redis: Option<&RedisUrl>) -> Self {
        let screen = Self {
            label: Mutex::new("round".into()),
            redis: redis.cloned(),
        };
        let place = match redis {
            Some(url) => url.to_string(),
            None => "a broker in this process".into(),
        };
        screen.print(&format!(
            "pubsub-manager: one PubSubManager::instance() between {place} and the users"
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

    pub(crate) fn event(&self, event: &Event) {
        self.line(event);
        if let (Event::Stale { reason }, Some(url)) = (event, &self.redis)
            && reason.starts_with("no Redis")
        {
            self.line(&format!(
                "start one: docker run -d -p {}:6379 redis, or redis-server from your system's \
                 packages; it is tried again until it is there",
                url.port()
            ));
        }
    }

    pub(crate) fn unheard(&self, stock: Stock, price: Price) {
        self.line(&format!(
            "price {price} of {stock} -> nobody follows it, and a channel keeps nothing"
        ));
    }

    pub(crate) fn verdict(&self, verdict: &str) {
        self.print(if self.redis.is_some() {
            "try: run it in two terminals with --forever, and redis-cli PUBSUB CHANNELS in a third"
        } else {
            "try: redis-server, then --redis redis://127.0.0.1:6379 --forever, and redis-cli PUBLISH APPL 100.1"
        });
        self.print(&format!("verdict: {verdict}"));
    }

    fn label(&self, label: String) {
        *self.lock() = label;
    }

    fn line(&self, what: &(impl Display + ?Sized)) {
        let label = std::mem::take(&mut *self.lock());
        self.print(&format!("{label:>5}  {what}"));
    }

    fn print(&self, line: &str) {
        // Whoever reads has seen enough, as with `| head`.
        if writeln!(io::stdout(), "{line}").is_err() {
            process::exit(0);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, String> {
        self.label
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
