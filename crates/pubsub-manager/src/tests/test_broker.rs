//! The in-process broker with faults: it can be down, cut connections, stop delivering, refuse a
//! channel, and answer late.

use crate::{
    InProcess, Stock,
    broker::{
        Broker, BrokerConnection, BrokerError, Events, StoredPrice, in_process::InProcessConnection,
    },
};
use parking_lot::Mutex;
use std::{
    collections::HashSet,
    future::pending,
    ops::Deref,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::sleep;

/// A broker that can be broken on purpose. Clones are handles to the same one.
#[derive(Clone, Default)]
pub(super) struct TestBroker {
    broker: InProcess,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Faults {
    connections: Vec<Weak<Connection>>,
    refused: HashSet<Stock>,
    refuses_reads: bool,
    down: bool,
    delay: Duration,
}

struct Connection {
    connection: InProcessConnection,
    events: Arc<Events>,
    deaf: AtomicBool,
}

/// For publishing, and for looking at what is subscribed.
impl Deref for TestBroker {
    type Target = InProcess;

    fn deref(&self) -> &InProcess {
        &self.broker
    }
}

impl TestBroker {
    /// Cuts every connection; new ones can be made immediately.
    pub(super) fn cut_connections(&self) {
        for connection in self.connections() {
            connection.events.lost("the broker cut the connection");
            connection.connection.remove(|_| true);
        }
    }

    pub(super) fn go_down(&self) {
        self.faults.lock().down = true;
        self.cut_connections();
    }

    pub(super) fn come_up(&self) {
        self.faults.lock().down = false;
    }

    /// Keeps every connection that there is now and delivers nothing over it, as after a failover that
    /// it does not notice.
    pub(super) fn deafen_connections(&self) {
        for connection in self.connections() {
            connection.deaf.store(true, Relaxed);
            connection.connection.remove(|_| true);
        }
    }

    /// Refuses the channel from now on. What is subscribed stays subscribed.
    pub(super) fn refuse(&self, stock: Stock) {
        self.faults.lock().refused.insert(stock);
    }

    pub(super) fn allow(&self, stock: Stock) {
        self.faults.lock().refused.remove(&stock);
    }

    /// Refuses to read the last prices from now on.
    pub(super) fn refuse_reads(&self) {
        self.faults.lock().refuses_reads = true;
    }

    /// How long a command and its answer take together, so that users connect and disconnect in between.
    pub(super) fn delay(&self, delay: Duration) {
        self.faults.lock().delay = delay;
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        let faults = self.faults.lock();
        faults
            .connections
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// Half of the delay: the way of a command or of its answer.
    async fn travel(&self) {
        let delay = self.faults.lock().delay;
        if !delay.is_zero() {
            sleep(delay / 2).await;
        }
    }
}

impl Broker for TestBroker {
    type Connection = TestConnection;

    async fn connect(&self, events: Arc<Events>) -> Result<TestConnection, BrokerError> {
        self.travel().await;
        if self.faults.lock().down {
            return Err(BrokerError::Lost("the broker is down".into()));
        }
        let connection = Arc::new(Connection {
            connection: self.broker.connect(Arc::clone(&events)).await?,
            events,
            deaf: AtomicBool::new(false),
        });
        let mut faults = self.faults.lock();
        faults.connections.retain(|old| old.strong_count() > 0);
        faults.connections.push(Arc::downgrade(&connection));
        drop(faults);
        let broker = self.clone();
        Ok(TestConnection { connection, broker })
    }
}

pub(super) struct TestConnection {
    connection: Arc<Connection>,
    broker: TestBroker,
}

impl TestConnection {
    /// A connection that is lost or deaf answers nothing.
    async fn answers(&self) {
        self.broker.travel().await;
        let is_lost = self.connection.events.lost.get().is_some();
        if is_lost || self.connection.deaf.load(Relaxed) {
            pending::<()>().await;
        }
    }
}

impl BrokerConnection for TestConnection {
    async fn subscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        self.answers().await;
        let refused = self.broker.faults.lock().refused.clone();
        if stocks.iter().any(|stock| refused.contains(stock)) {
            let reason = "NOPERM a channel of the command is refused";
            return Err(BrokerError::Refused(reason.into()));
        }
        self.connection.connection.subscribe(stocks).await?;
        self.broker.travel().await;
        Ok(())
    }

    async fn unsubscribe(&self, stocks: &[Stock]) -> Result<(), BrokerError> {
        self.answers().await;
        self.connection.connection.unsubscribe(stocks).await?;
        self.broker.travel().await;
        Ok(())
    }

    async fn last_prices(&self, stocks: &[Stock]) -> Result<Vec<StoredPrice>, BrokerError> {
        self.answers().await;
        if self.broker.faults.lock().refuses_reads {
            return Err(BrokerError::Refused("NOPERM no MGET".into()));
        }
        let stored = self.connection.connection.last_prices(stocks).await;
        self.broker.travel().await;
        stored
    }

    async fn probe(&self) -> Result<(), BrokerError> {
        self.answers().await;
        self.broker.travel().await;
        self.connection.connection.probe().await
    }
}
