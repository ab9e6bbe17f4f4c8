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
pub(crate) struct House {
    pub(crate) server: SocketAddr,
    pub(crate) broker: InProcess,
}

impl House {
    pub(crate) fn publish(&self, stock: &str, price: &str) {
        self.broker
            .publish(stock.parse().unwrap(), price.parse().unwrap());
    }

    /// Waits until the server has told the broker that it follows the stock.
    pub(crate) fn until_followed(&self, stock: &str) {
        let stock = stock.parse().unwrap();
        harness::until("the server follows the stock", || {
            self.broker.subscribers(stock) == 1
        });
    }
}

/// The options of a server that a test would have, to be changed by those who test a limit.
pub(crate) fn options(broker: InProcess) -> Options {
    Options {
        broker: BrokerAddress::InProcess(broker),
        channel_prefix: String::new(),
        market: None,
        stocks_per_user: 100,
        read_time: Duration::from_secs(10),
        limits: Limits {
            users: 1_000,
            message: 4096,
            ping_every: Duration::from_secs(30),
            handshake: Duration::from_secs(5),
            unhealthy_after: Duration::from_secs(30),
            drain: Duration::ZERO,
            origins: vec!["https://feed.example".parse().unwrap()],
            forwarded: Forwarded::Ignored,
        },
    }
}

/// The process's server, started by whichever test comes first.
pub(crate) fn house() -> &'static House {
    house_with(|_| ())
}

/// The same, started with other options; all tests of a file must ask for the same.
pub(crate) fn house_with(change: impl FnOnce(&mut Options) + Send + 'static) -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let broker = InProcess::default();
        let mut options = options(broker.clone());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            change(&mut options);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                server::run(listener, options, std::future::pending())
                    .await
                    .unwrap();
            });
        });
        House {
            server: told.recv().unwrap(),
            broker,
        }
    })
}
