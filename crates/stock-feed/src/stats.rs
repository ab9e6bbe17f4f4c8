//! The server's figures and its health: `/stats`, `/metrics`, `/healthz`.

use std::fmt::{self, Write};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pubsub_manager::{Feed, PriceAges, Stock, StockUsers};
use serde::Serialize;

use crate::app::App;
use crate::broker_log::LogEntry;

/// How old an answer to `/stats` may be. Ten thousand open pages request it ten thousand times a
/// second, and it is computed twice.
const MAX_AGE: Duration = Duration::from_millis(500);

/// The most stocks that are listed, those with the most users first.
const MAX_LISTED: usize = 100;

#[derive(Serialize)]
struct Stats<'a> {
    listen: &'a str,
    pid: u32,
    version: &'static str,
    broker: &'static str,
    feed: Feed,
    users: usize,
    max_users: usize,
    subscriptions: u64,
    messages_in: u64,
    deliveries_out: u64,
    missed: u64,
    invalid_messages: u64,
    reconnects: u64,
    evicted: u64,
    lagging: u64,
    stocks_followed: usize,
    stocks: &'a [StockUsers],
    events: Vec<LogEntry>,
    /// Names that the page offers.
    suggested: Vec<Stock>,
    #[serde(flatten)]
    deprecated: DeprecatedStats,
}

/// The same figures by the names that they had before, for programs that read those. They go with the
/// next version of the page's protocol.
#[derive(Serialize)]
struct DeprecatedStats {
    /// The old name of `max_users`.
    most_users: usize,
    /// The old name of `invalid_messages`.
    garbage: u64,
    /// The old name of `evicted`.
    given_up: u64,
}

/// `GET /stats`
pub(crate) async fn stats(State(app): State<&'static App>) -> Response {
    let json = app.stats.no_older_than(MAX_AGE, || describe(app));
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

fn describe(app: &App) -> Vec<u8> {
    let mut now = app.manager.stats();
    now.stocks
        .sort_by(|a, b| b.users.cmp(&a.users).then(a.stock.cmp(&b.stock)));
    let suggested = match &app.market {
        Some(market) => market.stocks(),
        None => now
            .stocks
            .iter()
            .take(MAX_LISTED)
            .map(|followed| followed.stock)
            .collect(),
    };
    let stats = Stats {
        listen: &app.listen,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION"),
        broker: app.broker,
        feed: now.feed,
        users: app.sessions.len(),
        max_users: app.limits.users,
        subscriptions: now.subscriptions,
        messages_in: now.messages_in,
        deliveries_out: now.deliveries,
        missed: now.missed,
        invalid_messages: now.invalid_messages,
        reconnects: now.reconnects,
        evicted: now.evicted,
        lagging: now.users_lagging,
        stocks_followed: now.stocks.len(),
        stocks: &now.stocks[..now.stocks.len().min(MAX_LISTED)],
        events: app.broker_log.recent(),
        suggested,
        deprecated: DeprecatedStats {
            most_users: app.limits.users,
            garbage: now.invalid_messages,
            given_up: now.evicted,
        },
    };
    serde_json::to_vec(&stats).expect("numbers and names are JSON")
}

/// `GET /metrics`, for Prometheus.
pub(crate) async fn metrics(State(app): State<&'static App>) -> Response {
    let counts = app.manager.counts();
    record(&counts);
    // Counts stay exact in a float up to 2^53.
    metrics::gauge!("stock_feed_users").set(app.sessions.len() as f64);
    metrics::gauge!("stock_feed_max_users").set(app.limits.users as f64);
    metrics::gauge!("stock_feed_users_most").set(app.limits.users as f64);
    let mut text = app.prometheus.render();
    write_ages(&mut text, &counts.price_ages).expect("a String takes every write");
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Names that metrics had before, with what they are called now: dashboards read them for a while yet.
const DEPRECATED: [(&str, &str); 4] = [
    ("pubsub_garbage_total", "pubsub_invalid_messages_total"),
    ("pubsub_users_given_up_total", "pubsub_users_evicted_total"),
    ("pubsub_users_behind", "pubsub_users_lagging"),
    ("stock_feed_users_most", "stock_feed_max_users"),
];

/// How many handshakes were refused because of `--max-users-per-address`.
pub(crate) const ADDRESS_REFUSALS: &str = "stock_feed_address_refusals_total";

/// Says in `/metrics` what names mean that do not say it themselves, and marks the old ones; once for the
/// life of the process.
pub(crate) fn describe_names() {
    metrics::describe_counter!(
        ADDRESS_REFUSALS,
        "handshakes that were answered 429 because of --max-users-per-address"
    );
    // There from the start: the rate of a counter that appears with its first event misses that event.
    metrics::counter!(ADDRESS_REFUSALS).absolute(0);
    for (old, new) in DEPRECATED {
        let help = format!("deprecated: read {new}");
        // A recorder keeps the description by the name, and the kind is the name's: a total is a counter.
        if old.ends_with("_total") {
            metrics::describe_counter!(old, help);
        } else {
            metrics::describe_gauge!(old, help);
        }
    }
}

/// Gives the manager's counters to the process's recorder.
fn record(stats: &pubsub_manager::Stats) {
    let counters = [
        ("pubsub_messages_in_total", stats.messages_in),
        ("pubsub_deliveries_total", stats.deliveries),
        ("pubsub_missed_total", stats.missed),
        ("pubsub_invalid_messages_total", stats.invalid_messages),
        ("pubsub_garbage_total", stats.invalid_messages),
        ("pubsub_reconnects_total", stats.reconnects),
        ("pubsub_refusals_total", stats.refusals),
        ("pubsub_users_evicted_total", stats.evicted),
        ("pubsub_users_given_up_total", stats.evicted),
    ];
    for (name, value) in counters {
        metrics::counter!(name).absolute(value);
    }
    let gauges = [
        ("pubsub_users", stats.users),
        ("pubsub_users_lagging", stats.users_lagging),
        ("pubsub_users_behind", stats.users_lagging),
        ("pubsub_subscriptions", stats.subscriptions),
        ("pubsub_channels_wanted", stats.channels_wanted),
        ("pubsub_channels_confirmed", stats.channels_confirmed),
        ("pubsub_feed_live", u64::from(stats.is_live())),
    ];
    for (name, value) in gauges {
        metrics::gauge!(name).set(value as f64);
    }
}

/// Adds the ages of prices in the exporter's text format. The exporter does not write them itself, because its
/// histogram keeps each value with its time, 16 bytes, until the next scrape: 1.6 MB a second at a hundred
/// thousand deliveries a second. The hub needs one addition for a slice of its users.
fn write_ages(text: &mut String, ages: &PriceAges) -> fmt::Result {
    const NAME: &str = "pubsub_price_age_seconds";
    writeln!(
        text,
        "# HELP {NAME} from receiving a price until it was written to a user's socket"
    )?;
    writeln!(text, "# TYPE {NAME} histogram")?;
    let bounds = PriceAges::BOUNDS.map(|bound| bound.as_secs_f64().to_string());
    let mut count = 0;
    for (bound, prices) in bounds
        .into_iter()
        .chain(["+Inf".to_owned()])
        .zip(ages.counts)
    {
        count += prices;
        writeln!(text, "{NAME}_bucket{{le=\"{bound}\"}} {count}")?;
    }
    writeln!(text, "{NAME}_sum {}", ages.sum.as_secs_f64())?;
    writeln!(text, "{NAME}_count {count}\n")
}

/// `GET /healthz`, for the load balancer that decides which servers get users.
pub(crate) async fn healthz(State(app): State<&'static App>) -> Response {
    match app.broker_log.stale_for() {
        None => "live\n".into_response(),
        Some(away) if away < app.limits.unhealthy_after => {
            format!("stale for {} s\n", away.as_secs()).into_response()
        }
        Some(away) => {
            let text = format!("the broker has been away for {} s\n", away.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}
