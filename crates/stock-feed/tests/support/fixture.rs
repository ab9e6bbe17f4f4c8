//! A server inside the test's own process, with a broker that the test can publish to and break.

use std::net::SocketAddr;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use program::origin::Forwarded;
use pubsub_manager::{BrokerAddress, InProcess};
use stock_feed::Limits;
use stock_feed::server::{self, Options};

/// The one server of this test process.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) server: SocketAddr,
    pub(crate) broker: InProcess,
}

impl Fixture {
    pub(crate) fn publish(&self, stock: &str, price: &str) {
        self.broker
            .publish(stock.parse().unwrap(), price.parse().unwrap());
    }

    /// Waits until the server is subscribed to the stock.
    pub(crate) fn until_subscribed_to(&self, stock: &str) {
        let stock = stock.parse().unwrap();
        harness::until("the server is subscribed to the stock", || {
            self.broker.subscribers(stock) == 1
        });
    }
}

/// The options of a server for most tests; a test of a limit changes them.
pub(crate) fn options(broker: InProcess) -> Options {
    Options {
        broker: BrokerAddress::InProcess(broker),
        channel_prefix: String::new(),
        market: None,
        stocks_per_user: 100,
        read_time: Duration::from_secs(10),
        limits: Limits {
            users: 1_000,
            users_per_address: None,
            message: 4096,
            pace: None,
            ping_every: Duration::from_secs(30),
            handshake: Duration::from_secs(5),
            unhealthy_after: Duration::from_secs(30),
            drain: Duration::ZERO,
            origins: vec!["https://feed.example".parse().unwrap()],
            forwarded: Forwarded::Ignored,
        },
    }
}

/// The process's server, started by the first test that calls this.
pub(crate) fn fixture() -> &'static Fixture {
    fixture_with(|_| ())
}

/// The same, started with other options; all tests of a file must ask for the same.
pub(crate) fn fixture_with(change: impl FnOnce(&mut Options) + Send + 'static) -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let broker = InProcess::default();
        let mut options = options(broker.clone());
        let (sender, address) = mpsc::channel();
        std::thread::spawn(move || {
            change(&mut options);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                server::run(listener, options, std::future::pending())
                    .await
                    .unwrap();
            });
        });
        Fixture {
            server: address.recv().unwrap(),
            broker,
        }
    })
}
