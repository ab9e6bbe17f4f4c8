// refused by: a_heartbeat_between_the_two_parts_loses_nothing

use std::cell::RefCell;
use tokio::select;
use tokio::sync::mpsc::{Receiver, UnboundedSender, channel, unbounded_channel};

thread_local! {
    static STOCK: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub struct Feed {
    parts: Receiver<String>,
}

impl Feed {
    pub fn new(parts: Receiver<String>) -> Self {
        Feed { parts }
    }

    /// The next price with its stock, or `None` when the broker is gone.
    pub async fn next(&mut self) -> Option<String> {
        if STOCK.with_borrow(|stock| stock.is_none()) {
            let stock = self.parts.recv().await?;
            STOCK.set(Some(stock));
        }
        let price = self.parts.recv().await?;
        let stock = STOCK.take()?;
        Some(format!("{stock} {price}"))
    }
}

/// Sends the user what the broker sends, and a heartbeat at each tick.
pub async fn relay(mut feed: Feed, mut ticks: Receiver<()>, user: UnboundedSender<String>) {
    loop {
        let frame = select! {
            price = feed.next() => price,
            Some(()) = ticks.recv() => Some("heartbeat".to_string()),
        };
        let Some(frame) = frame else { return };
        if user.send(frame).is_err() {
            return;
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime starts").block_on(async {
        let ((broker, parts), (_clock, ticks)) = (channel(8), channel(8));
        let (user, mut frames) = unbounded_channel();
        tokio::spawn(relay(Feed::new(parts), ticks, user));
        for part in ["APPL", "100.01"] {
            let sent = broker.send(part.to_string()).await;
            sent.expect("the relay runs");
        }
        println!("{:?}", frames.recv().await);
    });
}
