//! In place of `handle_message`: publish to the broker, which delivers to every subscribed manager.

mod support;

use pubsub_manager::{BrokerAddress, InProcess, Price, Publisher, Stock};

pub fn main() {
    let broker = BrokerAddress::InProcess(InProcess::default());
    let market = Publisher::new(&broker, "");
    let stock: Stock = "APPL".parse().expect("the name of a stock");
    let price: Price = "100.1".parse().expect("a price");
    let received = support::RUNTIME.block_on(market.publish(&[(stock, price)]));
    // No server is subscribed, so the price is gone: pub/sub keeps nothing.
    assert_eq!(received.expect("the broker is there"), 0);
}
