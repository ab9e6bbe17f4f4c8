//! In place of a second manager: the broker is said once, in the options of the first.

mod support;

use pubsub_manager::{BrokerAddress, InProcess, Options, PubSubManager, StartError};

pub fn main() {
    support::started();
    let second = PubSubManager::start(Options {
        broker: BrokerAddress::InProcess(InProcess::default()),
        ..Options::default()
    });
    assert!(matches!(second, Err(StartError::AlreadyStarted)));
}
