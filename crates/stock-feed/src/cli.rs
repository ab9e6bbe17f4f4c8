//! The command line: limits are set by flags, and `--help` explains each.
#![allow(
    rustdoc::bare_urls,
    reason = "these comments are what --help prints in a terminal"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use price_files::DecimalMark;
use program::address;
use program::origin::{Allowed, Forwarded};
use pubsub_manager::{BadStock, BrokerAddress, InProcess, Pace, Stock};
use redis_client::{BadRedisUrl, RedisFlag};

use crate::Limits;
use crate::handshake_limiter::MAX_HANDSHAKES;
use crate::market::Market;
use crate::pace::pace;
use crate::server::Options;

/// Descriptors that are not a client's: the listener, the broker's connection and the next one while it
/// is made, the log, the runtime's own.
const OWN_DESCRIPTORS: usize = 64;

/// Live stock prices over WebSockets: one server of a fleet.
///
/// Without arguments it needs nothing: prices come from a simulated market, over a broker inside
/// this process, to a page on http://127.0.0.1:3000.
///
/// One process cannot serve a million users, and a broker cannot serve a million subscribers. So
/// there are many servers, all alike. Each has one manager, which subscribes to a stock when the
/// first of its own users wants it, relays each price to all of them, and unsubscribes when the
/// last one leaves. Start two on one Redis, each line in a terminal of
/// its own, and watch:
///
///   redis-server --port 6379 --save ""
///   stock-feed --redis redis://127.0.0.1:6379 --listen 127.0.0.1:3000
///   stock-feed --redis redis://127.0.0.1:6379 --listen 127.0.0.1:3001
///   redis-cli PUBLISH APPL 100.1
///
/// The one message moves the pages of both servers. The pane "this server" on each page shows
/// what its manager sent to the broker, and to how many users it delivered each message.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, verbatim_doc_comment)]
#[command(
    after_help = "RUST_LOG sets what is logged, for instance RUST_LOG=stock_feed=debug,pubsub_manager=debug.\nThe lesson: lessons/13a-one-price.md"
)]
pub struct Cli {
    /// The command; without one, the program serves.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of the server.
    #[command(flatten)]
    pub serve: Serve,
}

/// The commands besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish prices from a file to a Redis, for all servers that are subscribed there.
    Publish(Publish),
    /// Print the prices of stocks in a terminal; reconnects by itself when the server restarts.
    Watch(Watch),
}

/// The flags of the server.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 takes any free one and says which.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", value_parser = address)]
    pub listen: SocketAddr,

    /// The Redis that prices come from, shared by every server of the fleet. Without it, prices
    /// come from this process alone. Several addresses, as redis://a:7000,b:7001, are nodes of a
    /// Redis Cluster (7 or later); redis://a:7000?cluster=true is a cluster of which one is known.
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    pub redis: Option<RedisFlag>,

    /// The start of each channel's name, before the stock, on a Redis that others use too. By
    /// default it is empty: the channel of APPL is APPL.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub channel_prefix: String,

    /// Publish a simulated market to the Redis, too. One server of a fleet is enough.
    #[arg(long, requires = "redis", conflicts_with = "no_market")]
    pub market: bool,

    /// No simulated market, also without a Redis.
    #[arg(long)]
    pub no_market: bool,

    /// How often the simulated market changes one price.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = some_time)]
    pub market_every: Duration,

    /// The simulated market's random numbers: the same seed, the same prices.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// The most users at a time; the next one is answered 503. By default as many as this
    /// process may have descriptors, less 256 for clients that speak HTTP (otherwise no client
    /// could be answered 503) and 64 for itself.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_users: Option<u32>,

    /// The most users of one address at a time; the next one is answered 429. By default there is no
    /// such limit. An IPv6 address counts by its first half (/64), which one customer has. A school,
    /// an office or a mobile network may have one IPv4 address for hundreds of users. Behind a proxy
    /// all users have the proxy's address: give --trust-proxy as well, and let the proxy add the
    /// client to X-Forwarded-For, of which the last address counts.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_users_per_address: Option<u32>,

    /// The most stocks that one user may subscribe to.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_stocks: u32,

    /// The largest message from a user, in bytes; a larger one ends its connection (1009).
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub max_message: u32,

    /// How often a user is sent prices at most, 100ms to 60s: the newest of each of its stocks that changed,
    /// in one write, which costs little more than one price. A user may ask for a slower pace by the address
    /// /ws?pace=2s. Without this flag a user is sent each price, unless it asks for a pace.
    #[arg(long, value_name = "TIME", value_parser = pace)]
    pub pace: Option<Pace>,

    /// How long nothing may be sent to a user before it is pinged; half as long again at most. Proxies
    /// end a silent connection (nginx after 60s, many an HAProxy after 50s). A user that receives
    /// prices is not pinged, and a user that answers neither of two pings is evicted.
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = some_time)]
    pub ping_every: Duration,

    /// How long a client may take to send its request. When 256 clients have not sent theirs and another
    /// one connects, the oldest connection of the address that has the most ends before that time.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub handshake_time: Duration,

    /// How long a user may leave its newest prices unread before it is evicted. On Linux the kernel
    /// ends its connection after two minutes in any case.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub read_time: Duration,

    /// How long the broker may be away before /healthz says 503.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub unhealthy_after: Duration,

    /// The time over which users are disconnected (1012) when the server ends: if they all
    /// reconnected in the same second, they would overload the other servers.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub drain: Duration,

    /// A page of another origin that may connect, for instance https://feed.example; * for any.
    /// May be given more than once.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<Allowed>,

    /// Clients reach this server through a proxy only, so its headers can be trusted: the host in
    /// X-Forwarded-Host is this server's own, too, and the client in X-Forwarded-For is the one that
    /// the log names and --max-users-per-address counts.
    #[arg(long)]
    pub trust_proxy: bool,
}

/// The flags of `publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// The Redis to publish to, or the nodes of a Redis Cluster, as for the server.
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true)]
    pub redis: RedisFlag,

    /// The start of each channel's name, before the stock.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub channel_prefix: String,

    /// Prices a second, 0.001 or more; 0 is as fast as Redis takes them.
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = rate)]
    pub rate: f64,

    /// How long Redis keeps the last price of each stock, for the first user who subscribes to it on a
    /// server: 1s to 365days. 0s stores none, for a Redis that allows PUBLISH and not SET.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time_to_live)]
    pub last_price_ttl: Duration,

    /// Publish nothing if any line is bad, and end with code 2. Without it, a bad line is named
    /// and skipped.
    #[arg(long)]
    pub strict: bool,

    /// The stock of all prices, for a file that has no column of stocks.
    #[arg(long, value_name = "STOCK", value_parser = typed_stock)]
    pub stock: Option<Stock>,

    /// The decimal mark of the file's prices, where they do not show it: 87,369 alone may be 87.369 or
    /// 87369. Without it, one price with two decimals shows it for all, and in a file of semicolons or
    /// tabs a comma before three digits is a decimal comma unless another price shows otherwise.
    #[arg(long, value_name = "MARK")]
    pub decimal: Option<Decimal>,

    /// Prices as CSV, by commas, semicolons or tabs: with a header that names a column price or close
    /// and one stock, symbol or ticker, or without one lines of STOCK,PRICE or DATE,STOCK,PRICE. Numbers
    /// may be written as 1e-05, "4,769.83", 4.769,83 or 4'769.83; - reads from the standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The decimal mark, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Decimal {
    /// 1.234,56
    Comma,
    /// 1,234.56
    Point,
}

impl From<Decimal> for DecimalMark {
    fn from(decimal: Decimal) -> Self {
        match decimal {
            Decimal::Comma => Self::Comma,
            Decimal::Point => Self::Point,
        }
    }
}

/// The flags of `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// The server, for instance ws://127.0.0.1:3000, or the feed itself, ws://127.0.0.1:3000/ws.
    #[arg(value_name = "URL")]
    pub url: String,

    /// The stocks to subscribe to, in capitals or not.
    #[arg(value_name = "STOCK", required = true, value_parser = typed_stock)]
    pub stocks: Vec<Stock>,
}

/// A stock as a person types it. Programs have to send and publish it in capitals.
fn typed_stock(text: &str) -> Result<Stock, BadStock> {
    text.to_ascii_uppercase().parse()
}

/// The longest time for a flag. Adding a much longer one to the clock would overflow, and end the
/// program in the middle of its work.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

fn some_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_millis(1) && time <= MAX_TIME => Ok(time),
        Ok(_) => Err("it must be between 1ms and 24h".into()),
        Err(error) => Err(format!("{error}; write for instance 30s or 500ms")),
    }
}

fn time_to_live(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() || (Duration::from_secs(1)..=LONGEST).contains(&time) => {
            Ok(time)
        }
        Ok(_) => Err("it must be between 1s and 365days, or 0s for none".into()),
        Err(error) => Err(format!("{error}; write for instance 1h or 7days")),
    }
}

/// The slowest rate: a price every seventeen minutes. At a much slower one the time of the second price
/// would overflow the clock.
const MIN_RATE: f64 = 0.001;

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (rate.is_finite() && rate >= MIN_RATE) => Ok(rate),
        _ => Err(format!(
            "a rate is a number of prices a second: {MIN_RATE} or more, or 0 for no limit"
        )),
    }
}

/// How many users a process can have that may have this many descriptors.
pub fn max_users(descriptors: u64) -> usize {
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    descriptors
        .saturating_sub(MAX_HANDSHAKES + OWN_DESCRIPTORS)
        .max(1)
}

impl Serve {
    /// What the server is started with; `descriptors` is how many this process may have.
    ///
    /// # Errors
    /// `--redis` is not the address of a Redis.
    pub fn options(self, descriptors: u64) -> Result<Options, BadRedisUrl> {
        let most = max_users(descriptors);
        let redis = self.redis.map_or(Ok(None), |flag| flag.address())?;
        let market = !self.no_market && (self.market || redis.is_none());
        let broker = match redis {
            Some(address) => address.into(),
            None => BrokerAddress::InProcess(InProcess::default()),
        };
        Ok(Options {
            broker,
            channel_prefix: self.channel_prefix,
            market: market.then(|| Market::new(self.market_every, self.seed)),
            stocks_per_user: self.max_stocks as usize,
            read_time: self.read_time,
            limits: Limits {
                users: self.max_users.map_or(most, |most| most as usize),
                users_per_address: self.max_users_per_address,
                message: self.max_message as usize,
                pace: self.pace,
                ping_every: self.ping_every,
                handshake: self.handshake_time,
                unhealthy_after: self.unhealthy_after,
                drain: self.drain,
                origins: self.allow_origin,
                forwarded: match self.trust_proxy {
                    true => Forwarded::Trusted,
                    false => Forwarded::Ignored,
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_person_may_type_a_stock_in_small_letters() {
        for (typed, stock) in [("brk.b", "BRK.B"), ("^Gspc", "^GSPC"), ("7203.T", "7203.T")] {
            assert_eq!(typed_stock(typed).unwrap().as_str(), stock);
        }
        for wrong in ["", "a b", "\u{e4}ppl", "abcdefghijklmnopqrstuvwxy"] {
            assert!(typed_stock(wrong).is_err(), "{wrong}");
        }
        let command = ["stock-feed", "watch", "ws://a", "appl", "brk/b"];
        let Some(Command::Watch(watch)) = Cli::parse_from(command).command else {
            panic!("it is another command");
        };
        assert_eq!(format!("{:?}", watch.stocks), "[Stock(APPL), Stock(BRK/B)]");
        let command = [
            "stock-feed",
            "publish",
            "--redis",
            "redis://a",
            "--stock",
            "brk.b",
            "-",
        ];
        let Some(Command::Publish(publish)) = Cli::parse_from(command).command else {
            panic!("it is another command");
        };
        assert_eq!(publish.stock.expect("it was given").as_str(), "BRK.B");
    }

    #[test]
    fn a_server_can_listen_by_the_name_of_this_machine() {
        let listen = |text| Cli::try_parse_from(["stock-feed", "--listen", text]);
        let local = listen("localhost:3000").unwrap().serve.listen;
        assert!(local.ip().is_loopback() && local.port() == 3000, "{local}");
        for wrong in [":3000", "3000", "127.0.0.1", "127.0.0.1:99999"] {
            let why = listen(wrong).unwrap_err().to_string();
            assert!(why.contains("write it like 127.0.0.1:"), "{why}");
        }
    }

    #[test]
    fn a_rate_is_zero_or_at_least_a_thousandth() {
        for (text, wanted) in [("0", 0.0), ("0.001", 0.001), ("1e300", 1e300)] {
            assert_eq!(rate(text), Ok(wanted));
        }
        for text in ["1e-300", "1e-18", "0.0009", "-1", "NaN", "inf", "fast", ""] {
            let error = rate(text).expect_err(text);
            assert!(error.contains("0.001 or more"), "{text}: {error}");
        }
    }

    #[test]
    fn a_time_is_between_a_millisecond_and_a_day() {
        for text in ["1ms", "30s", "24h"] {
            assert!(some_time(text).is_ok(), "{text}");
        }
        for text in ["0s", "25h", "500000000000years", "soon"] {
            assert!(some_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_to_live_is_none_or_between_a_second_and_a_year() {
        for text in ["0s", "1s", "24h", "365days"] {
            assert!(time_to_live(text).is_ok(), "{text}");
        }
        for text in ["500ms", "366days", "500000000000years", "a day"] {
            assert!(time_to_live(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_limit_of_users_leaves_descriptors_to_answer_503_to_others() {
        let serve = || Cli::parse_from(["stock-feed"]).serve;
        let users = serve().options(20_000).unwrap().limits.users;
        assert!(
            users + MAX_HANDSHAKES + OWN_DESCRIPTORS <= 20_000,
            "{users}"
        );
        assert!(
            users >= 19_650,
            "fifty-two of these carry a million users, and fifty-one do when one falls: {users}"
        );
        assert_eq!(serve().options(10).unwrap().limits.users, 1);
    }
}
