//! What this server says about itself: `/stats`, `/metrics`, `/healthz`.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use pubsub_manager::{Feed, Stock, StockUsers};
use serde::Serialize;

use crate::app::App;
use crate::link::Told;

/// How old an answer to `/stats` may be. Ten thousand open pages ask ten thousand times a
/// second, and the figures are worked out twice.
const FRESH: Duration = Duration::from_millis(500);

/// How many stocks are listed, those with the most users first.
const LISTED: usize = 100;

/// The latest answer to `/stats`.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<Option<(Instant, Bytes)>>);

#[derive(Serialize)]
struct Stats<'a> {
    listen: &'a str,
    pid: u32,
    version: &'static str,
    broker: &'static str,
    feed: Feed,
    users: usize,
    most_users: usize,
    subscriptions: u64,
    messages_in: u64,
    deliveries_out: u64,
    missed: u64,
    garbage: u64,
    reconnects: u64,
    given_up: u64,
    stocks_followed: usize,
    stocks: &'a [StockUsers],
    events: Vec<Told>,
    /// Names that the page offers.
    suggested: Vec<Stock>,
}

/// `GET /stats`
pub(crate) async fn stats(State(app): State<&'static App>) -> Response {
    let mut latest = app.latest.0.lock();
    let json = match &*latest {
        Some((at, json)) if at.elapsed() < FRESH => json.clone(),
        _ => {
            let json = Bytes::from(describe(app));
            *latest = Some((Instant::now(), json.clone()));
            json
        }
    };
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
            .take(LISTED)
            .map(|followed| followed.stock)
            .collect(),
    };
    let stats = Stats {
        listen: &app.listen,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION"),
        broker: app.broker,
        feed: now.feed,
        users: app.roster.len(),
        most_users: app.limits.users,
        subscriptions: now.subscriptions,
        messages_in: now.messages_in,
        deliveries_out: now.deliveries,
        missed: now.missed,
        garbage: now.garbage,
        reconnects: now.reconnects,
        given_up: now.given_up,
        stocks_followed: now.stocks.len(),
        stocks: &now.stocks[..now.stocks.len().min(LISTED)],
        events: app.link.recent(),
        suggested,
    };
    serde_json::to_vec(&stats).expect("numbers and names are JSON")
}

/// `GET /metrics`, for Prometheus. The manager tells its counters to the recorder once a second by
/// itself; to ask for them here would list and sort every stock as well.
pub(crate) async fn metrics(State(app): State<&'static App>) -> Response {
    // Counts stay exact in a float up to 2^53.
    metrics::gauge!("stock_feed_users").set(app.roster.len() as f64);
    metrics::gauge!("stock_feed_users_most").set(app.limits.users as f64);
    let text = app.prometheus.render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// `GET /healthz`, for whoever decides which servers get users.
pub(crate) async fn healthz(State(app): State<&'static App>) -> Response {
    match app.link.stale_for() {
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
