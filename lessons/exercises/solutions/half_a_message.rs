// 25 minutes. Lesson: lessons/12a-pubsub-manager.md
// fails with: a_heartbeat_between_the_two_parts_loses_nothing
//
// The broker sends a price in two parts: the stock, and then the price. The server
// relays each price to its user, and sends a heartbeat at each tick, even between
// the two parts. `select!` drops the future that is not ready first, and everything
// that this future holds. No part may be lost.

use tokio::select;
use tokio::sync::mpsc::{Receiver, UnboundedSender, channel, unbounded_channel};

pub struct Feed {
    parts: Receiver<String>,
    /// The first part of the next price, if it has arrived.
    stock: Option<String>,
}

impl Feed {
    pub fn new(parts: Receiver<String>) -> Self {
        let stock = None;
        Feed { parts, stock }
    }

    /// The next price with its stock, or `None` when the broker is gone.
    pub async fn next(&mut self) -> Option<String> {
        if self.stock.is_none() {
            self.stock = Some(self.parts.recv().await?);
        }
        let price = self.parts.recv().await?;
        let stock = self.stock.take()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::{Sender, UnboundedReceiver};
    use tokio::task::{JoinHandle, yield_now};

    struct Scene {
        broker: Sender<String>,
        clock: Sender<()>,
        frames: UnboundedReceiver<String>,
        relay: JoinHandle<()>,
    }

    impl Scene {
        fn new() -> Self {
            let ((broker, parts), (clock, ticks)) = (channel(8), channel(8));
            let (user, frames) = unbounded_channel();
            let relay = tokio::spawn(relay(Feed::new(parts), ticks, user));
            Scene {
                broker,
                clock,
                frames,
                relay,
            }
        }

        // What the user is sent when one part arrives, or a tick.
        async fn sent_at(&mut self, event: &str) -> Vec<String> {
            match event {
                "tick" => self.clock.try_send(()).expect("the relay runs"),
                part => {
                    let sent = self.broker.try_send(part.to_string());
                    sent.expect("the relay runs");
                }
            }
            settle().await;
            std::iter::from_fn(|| self.frames.try_recv().ok()).collect()
        }
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime starts").block_on(test);
    }

    // All tasks share one thread, so after this each of them has done what it can.
    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[test]
    fn without_a_heartbeat_each_price_has_its_stock() {
        run(async {
            let mut scene = Scene::new();
            let nothing: [&str; 0] = [];
            for price in ["100.01", "100.02"] {
                assert_eq!(scene.sent_at("APPL").await, nothing);
                assert_eq!(scene.sent_at(price).await, [format!("APPL {price}")]);
            }
            assert_eq!(scene.sent_at("GOOG").await, nothing);
            drop(scene.broker);
            settle().await;
            assert!(scene.relay.is_finished(), "the broker is gone");
        });
    }

    #[test]
    fn a_heartbeat_between_the_two_parts_loses_nothing() {
        run(async {
            let (mut one, mut two) = (Scene::new(), Scene::new());
            let nothing: [&str; 0] = [];
            for (stock, other, price) in [("APPL", "GOOG", "1"), ("TSLA", "NVDA", "1")] {
                assert_eq!(one.sent_at("tick").await, ["heartbeat"]);
                assert_eq!(one.sent_at(stock).await, nothing);
                assert_eq!(one.sent_at("tick").await, ["heartbeat"], "at each tick");
                assert_eq!(two.sent_at(other).await, nothing);
                assert_eq!(one.sent_at("tick").await, ["heartbeat"]);
                assert_eq!(two.sent_at("tick").await, ["heartbeat"]);
                assert_eq!(one.sent_at(price).await, [format!("{stock} {price}")]);
                assert_eq!(two.sent_at(price).await, [format!("{other} {price}")]);
            }
            assert_eq!(one.sent_at("APPL").await, nothing);
            assert_eq!(one.sent_at("tick").await, ["heartbeat"]);
            drop(one.broker);
            settle().await;
            assert!(one.relay.is_finished(), "the broker is gone");
        });
    }
}
