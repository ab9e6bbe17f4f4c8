//! In place of `handle_message`: publish to the broker, and every manager that listens hears it.

mod support;

use pubsub_manager::{BrokerAddress, InProcess, Price, Publisher, Stock};

pub fn main() {
    let broker = BrokerAddress::InProcess(InProcess::default());
    let market = Publisher::new(&broker, "");
    let stock: Stock = "APPL".parse().expect("the name of a stock");
    let price: Price = "100.1".parse().expect("a price");
    let heard = support::RUNTIME.block_on(market.publish(&[(stock, price)]));
    // A user who does not listen has missed it: that, too, is publish and subscribe.
    assert_eq!(heard.expect("the broker is there"), 0);
}
