//! The last price for the first user of a server, read in three ways: two of them are wrong.
//! `cargo run -p pubsub-manager --example last_price`, with a Redis on this machine.

use redis::{Client, Commands, Connection, PushInfo, PushKind, RedisResult, Value};
use std::{
    env,
    io::{self, Write},
    sync::mpsc::{Receiver, channel},
};

/// Not the name of a real stock: others may use this Redis.
const STOCK: &str = "LESSON.13B";
const KEY: &str = "last.{LESSON.13B}";

fn main() -> anyhow::Result<()> {
    let url = env::args().nth(1);
    let url = url.unwrap_or_else(|| "redis://127.0.0.1:6379".into());
    show(&url, &mut io::stdout())
}

/// Shows what the users of three servers are sent.
pub(crate) fn show(url: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let client = Client::open(format!("{url}?protocol=resp3"))?;
    let mut market = client.get_connection()?;

    publish(&mut market, &[1])?;
    let mut server = Server::connect(&client)?;
    let stored = read(&mut server.redis)?;
    server.use_stored(stored);
    publish(&mut market, &[2])?;
    server.redis.subscribe_resp3(STOCK)?;
    server.report("read, then subscribe", 2, out)?;

    publish(&mut market, &[1])?;
    let mut server = Server::connect(&client)?;
    server.redis.subscribe_resp3(STOCK)?;
    publish(&mut market, &[2, 3])?;
    let mut second = client.get_connection()?;
    let stored = read(&mut second)?;
    server.use_stored(stored);
    server.report("subscribe, then read over a second connection", 3, out)?;

    publish(&mut market, &[1])?;
    let mut server = Server::connect(&client)?;
    server.redis.subscribe_resp3(STOCK)?;
    publish(&mut market, &[2, 3])?;
    let stored = read(&mut server.redis)?;
    server.use_stored(stored);
    server.report("subscribe, then read over the same connection", 3, out)
}

/// Stores each price and publishes it, in one transaction.
fn publish(market: &mut Connection, prices: &[u32]) -> RedisResult<()> {
    for price in prices {
        let mut commands = redis::pipe();
        commands.atomic();
        commands.set_ex(KEY, price, 60).publish(STOCK, price);
        commands.exec(market)?;
    }
    Ok(())
}

fn read(redis: &mut Connection) -> RedisResult<u32> {
    redis.get(KEY)
}

/// A server with users, and what they are sent. Its connection blocks: what was published waits in its
/// socket until a command is sent, as it does when a server is busy.
struct Server {
    redis: Connection,
    pushes: Receiver<PushInfo>,
    sent: Vec<u32>,
}

impl Server {
    fn connect(client: &Client) -> RedisResult<Self> {
        let (sender, pushes) = channel();
        let mut redis = client.get_connection()?;
        redis.set_push_sender(sender);
        let sent = Vec::new();
        Ok(Self {
            redis,
            pushes,
            sent,
        })
    }

    /// Sends the stored price to users, unless a price has come.
    fn use_stored(&mut self, price: u32) {
        self.relay();
        if self.sent.is_empty() {
            self.sent.push(price);
        }
    }

    /// Sends to users what has come.
    fn relay(&mut self) {
        while let Ok(push) = self.pushes.try_recv() {
            if push.kind == PushKind::Message
                && let [_, Value::BulkString(price)] = &push.data[..]
                && let Ok(price) = String::from_utf8_lossy(price).parse()
            {
                self.sent.push(price);
            }
        }
    }

    fn report(mut self, order: &str, newest: u32, out: &mut impl Write) -> anyhow::Result<()> {
        self.redis.ping::<()>()?;
        self.relay();
        let verdict = if self.sent.last() != Some(&newest) {
            format!("{newest} is lost")
        } else if self.sent.is_sorted() {
            "right".to_owned()
        } else {
            "an older price after a newer one".to_owned()
        };
        writeln!(out, "{order}:")?;
        writeln!(out, "    users are sent {:?}: {verdict}", self.sent)?;
        Ok(())
    }
}
