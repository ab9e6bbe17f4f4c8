//! The page in a real browser: Chromium, without a screen.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::{Value, json};
use support::PATIENCE;
use support::browser::{Driver, Window};
use support::client::{Client, stats};
use support::fleet::Server;
use support::redis_server::RedisServer;
use tokio::time::Instant;

/// The page of a server, with these stocks.
fn page_of(server: SocketAddr, stocks: &str) -> String {
    format!("http://{server}/#{stocks}")
}

impl Window {
    async fn until_price(&self, stock: &str, price: &str) {
        self.until(&format!(
            "document.querySelector('[data-stock={stock:?}] .price')?.textContent === {price:?}"
        ))
        .await;
    }
}

#[tokio::test]
async fn prices_move_and_everything_works_by_keyboard() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    let page = driver
        .open(1280, &page_of(server.address, "APPL,GOOG"))
        .await;
    page.until_says("status", "live").await;
    page.until("document.querySelectorAll('#board .change[data-way=up], #board .change[data-way=down]').length === 2").await;
    page.until("document.querySelector('#chart polyline')?.getAttribute('points').length > 100")
        .await;
    let spark =
        "document.querySelector('[data-stock=GOOG] .spark polyline').getAttribute('points')";
    page.until(&format!("{spark}.length > 100")).await;
    let before = page.js(spark).await;
    page.until(&format!("{spark} !== {before}")).await;
    page.until_says("flow-users", "1 user").await;
    page.until_says("events", "subscribed GOOG").await;

    page.press("/").await;
    page.press("msft").await;
    page.press(&Key::Enter.to_string()).await;
    page.until("/^[0-9.]+$/.test(document.querySelector('[data-stock=MSFT] .price').textContent)")
        .await;
    page.press("not a stock").await;
    page.press(&Key::Enter.to_string()).await;
    page.until_says("problem", "is not a stock").await;
    page.browser
        .find(Locator::Css("[data-stock=APPL] .row"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    page.until_says("chart-stock", "APPL").await;
    page.press(&Key::Down.to_string()).await;
    page.until_says("chart-stock", "GOOG").await;
    page.press(&Key::Delete.to_string()).await;
    page.until("!document.querySelector('[data-stock=GOOG]')")
        .await;
    assert_eq!(
        page.js("location.hash").await,
        "#APPL,MSFT",
        "the address can be shared"
    );

    page.browser.set_window_size(390, 844).await.unwrap();
    page.until("document.documentElement.scrollWidth <= innerWidth")
        .await;
    page.complains_of_nothing();
}

#[tokio::test]
async fn the_page_is_dark_or_light_as_its_reader_likes_it() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let colours = "['body', '.prices', '#chart-price', '#status'].map((part) => {
        const { color, backgroundColor } = getComputedStyle(document.querySelector(part));
        return `${color} on ${backgroundColor}`;
    })";
    page.until_says("status", "live").await;
    page.prefer("light");
    let light = page.js(colours).await;
    page.prefer("dark");
    let dark = page.js(colours).await;
    for (part, (light, dark)) in pairs(&light).zip(pairs(&dark)).enumerate() {
        assert_ne!(
            light, dark,
            "part {part} has colours of its own in the dark"
        );
    }
    page.browser
        .find(Locator::Id("theme"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    assert_eq!(
        page.js(colours).await,
        light,
        "the button knows better than the system"
    );
    page.browser.refresh().await.unwrap();
    page.until_says("status", "live").await;
    assert_eq!(page.js(colours).await, light, "and is remembered");
    page.complains_of_nothing();
}

fn pairs(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

#[tokio::test]
async fn the_pane_shows_what_other_windows_do_to_the_server() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start(&["--redis", &redis.url()]);
    let first = driver.open(1280, &page_of(server.address, "APPL")).await;
    let count = |n: u8| {
        format!(
            "document.querySelector('#followed [data-stock=APPL] .count')?.textContent.startsWith('{n} ')"
        )
    };
    first.until(&count(1)).await;
    let second = driver
        .open(640, &page_of(server.address, "APPL,TSLA"))
        .await;
    first.until(&count(2)).await;
    first.until_says("events", "subscribed TSLA").await;

    redis.until_followed("APPL", 1);
    let deadline = Instant::now() + PATIENCE;
    let mut published = 0;
    while first
        .js("document.getElementById('each').textContent")
        .await
        != "2.0"
    {
        assert!(Instant::now() < deadline, "each message is delivered twice");
        redis.publish("APPL", "100.1");
        published += 1;
    }
    let says = |id: &str, text: u32| {
        format!("document.getElementById('{id}').textContent.replace(/[^0-9]/g, '') === '{text}'")
    };
    first.until(&says("in", published)).await;
    first.until(&says("out", 2 * published)).await;
    first.until_says("flow-in", "0/s in").await;

    drop(second);
    first.until(&count(1)).await;
    first.until_says("events", "unsubscribed TSLA").await;
    first.complains_of_nothing();
}

/// A frozen process is what a pulled cable looks like from here: every connection stays open, and
/// nothing comes.
#[tokio::test]
async fn the_page_says_so_when_its_server_falls_silent_and_comes_back_with_it() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let price = "document.querySelector('[data-stock=APPL] .price').textContent";
    let old = "document.querySelector('[data-stock=APPL]').dataset.old";
    page.until(&format!("{old} === 'false' && {price} !== '–'"))
        .await;
    page.until_says("flow-users", "1 user").await;

    server.process.signal("STOP");
    page.until_says("status", "the server does not answer")
        .await;
    page.until_says("server-away", "No answer since").await;
    page.until("!document.getElementById('server-away').hidden")
        .await;
    assert_eq!(page.js(old).await, "true", "the price is history");
    let before = page.js(price).await;
    let waiting = "!document.getElementById('retry').hidden";
    page.until(waiting).await;
    page.until(&format!("!({waiting})")).await;
    // The frozen server's kernel accepts this new connection, and nobody ever says hello on it.
    page.until(waiting).await;
    page.until_says("status", "the server does not answer")
        .await;

    server.process.signal("CONT");
    page.until("document.getElementById('status').textContent === 'live'")
        .await;
    page.until("document.getElementById('server-away').hidden")
        .await;
    page.until(&format!("{old} === 'false' && {price} !== {before}"))
        .await;
    page.until_says("flow-users", "1 user").await;
    page.complains_of_the_network_only();
}

#[tokio::test]
async fn silence_is_three_seconds_without_a_word_in_which_the_page_was_awake() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let away = page
        .run(
            "const { Silence, PATIENCE } = await import('/page/silence.js');
            const after = (...steps) => {
                const silence = new Silence();
                for (const [what, at] of steps) silence[what](at);
                return silence.away;
            };
            return {
                unanswered: after(['ask', 0], ['miss', PATIENCE]),
                refused_once: after(['ask', 0], ['miss', 1]),
                refused_on_and_on: after(['ask', 0], ['miss', 1], ['ask', PATIENCE], ['miss', PATIENCE + 1]),
                answered_in_between: after(['ask', 0], ['miss', 1], ['ask', 1000], ['hear', 1001], ['ask', 9000], ['miss', 9001]),
                a_price_instead: after(['ask', 0], ['hear', 1], ['miss', PATIENCE]),
                asleep: after(['ask', 0], ['miss', 60_000]),
                back: after(['ask', 0], ['miss', PATIENCE], ['hear', PATIENCE + 1]),
            };",
        )
        .await;
    assert_eq!(
        away,
        json!({
            "unanswered": true,
            "refused_once": false,
            "refused_on_and_on": true,
            "answered_in_between": false,
            "a_price_instead": false,
            "asleep": false,
            "back": false,
        })
    );
    page.complains_of_nothing();
}

#[tokio::test]
async fn waits_double_with_each_failure_up_to_an_end_and_no_two_pages_wait_alike() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    page.until_says("status", "live").await;
    let waits = page
        .run(
            "const { backoff } = await import('/page/feed.js');
            return [1, 2, 3, 40].map((failures) => [backoff(failures, 0), backoff(failures, 1)]);",
        )
        .await;
    assert_eq!(
        waits,
        json!([[500, 1000], [1000, 2000], [2000, 4000], [7500, 15000]])
    );
    page.complains_of_nothing();

    // What answers, but with no WebSocket, fails as often as it is asked.
    let waits = page
        .run(
            "const { Feed } = await import('/page/feed.js');
            const waits = async () => {
                const feed = new Feed(`ws://${location.host}/healthz`);
                const waits = [];
                return new Promise((done) => {
                    feed.addEventListener('state', ({ detail: { state, until } }) => {
                        if (state !== 'waiting') return;
                        waits.push(until - Date.now());
                        if (waits.length === 4) return done(waits);
                        setTimeout(() => feed.retry());
                    });
                    feed.connect();
                });
            };
            return [await waits(), await waits()];",
        )
        .await;
    for waits in pairs(&waits) {
        for (wait, most) in pairs(waits).zip([1000.0, 2000.0, 4000.0, 8000.0]) {
            let wait = wait.as_f64().expect("milliseconds");
            assert!((most / 2.0 - 5.0..=most).contains(&wait), "{waits}");
        }
    }
    assert_ne!(waits[0], waits[1], "chance has a part in it");
    page.complains_of_the_network_only();
}

#[tokio::test]
async fn five_minutes_of_prices_fit_however_fast_they_come() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let seen = page
        .run(
            "const { Quote, WINDOW } = await import('/page/quotes.js');
            const quote = new Quote('APPL');
            const end = 2 * WINDOW;
            for (let at = 0; at <= end; at += 5) quote.take({ price: String(at) }, at);
            const { points } = quote;
            return {
                few: points.length <= WINDOW / 250 + 2,
                whole: end - points[0].at >= WINDOW,
                even: points.every(({ at }, n) => n === 0 || at - points[n - 1].at <= 500),
                newest: points.at(-1).value === end,
            };",
        )
        .await;
    assert_eq!(
        seen,
        json!({ "few": true, "whole": true, "even": true, "newest": true })
    );
    page.complains_of_nothing();
}

#[tokio::test]
async fn an_address_that_no_page_could_have_made_shows_the_stocks_it_names() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    let page = driver
        .open(1280, &page_of(server.address, "APPL,100%,<b>,GOOG"))
        .await;
    page.until_says("status", "live").await;
    assert_eq!(page.js("location.hash").await, "#APPL,GOOG");
    page.complains_of_nothing();
}

#[tokio::test]
async fn the_suggested_stocks_are_left_alone_while_they_stay_the_same() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    page.until("document.querySelectorAll('#known option').length === 12")
        .await;
    let figure = "document.getElementById('in').textContent";
    let before = page.js(figure).await;
    page.js("document.querySelector('#known option').dataset.same = 'yes'")
        .await;
    page.until(&format!("{figure} !== {before}")).await;
    assert_eq!(
        page.js("document.querySelector('#known option').dataset.same")
            .await,
        "yes"
    );
    page.complains_of_nothing();
}

#[tokio::test]
async fn a_stock_that_the_server_refuses_leaves_the_page_and_is_not_asked_for_again() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let flags = ["--no-market", "--max-stocks", "2"];
    let mut server = Server::start(&flags);
    let page = driver
        .open(1280, &page_of(server.address, "APPL,GOOG,MSFT"))
        .await;
    page.until_says("problem", "MSFT would be one stock too many")
        .await;
    page.until("!document.querySelector('[data-stock=MSFT]')")
        .await;
    assert_eq!(page.js("location.hash").await, "#APPL,GOOG");

    // There is room again, and the reader takes the message away by choosing something else.
    page.browser
        .find(Locator::Css("[data-stock=GOOG] .leave"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    page.press("/").await;
    page.press("tsla").await;
    page.press(&Key::Enter.to_string()).await;
    page.until("!!document.querySelector('#followed [data-stock=TSLA]')")
        .await;
    page.until("document.getElementById('problem').hidden")
        .await;
    page.complains_of_nothing();

    server.process.kill();
    page.until_says("status", "reconnecting").await;
    page.js("document.getElementById('followed').replaceChildren()")
        .await;
    let _next = Server::start_on(server.address, &flags);
    page.until("!!document.querySelector('#followed [data-stock=TSLA]')")
        .await;
    assert_eq!(
        page.js("document.getElementById('problem').hidden").await,
        true,
        "what was refused once is not asked for again"
    );
    assert_eq!(page.js("location.hash").await, "#APPL,TSLA");
    page.complains_of_the_network_only();
}

#[tokio::test]
async fn the_page_outlives_a_restart_of_redis_and_of_its_server() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let mut server = Server::start(&["--redis", &redis.url()]);
    let other = Server::start(&["--redis", &redis.url()]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let elsewhere = driver.open(1280, &page_of(other.address, "APPL")).await;
    redis.until_followed("APPL", 2);
    redis.publish("APPL", "100.1");
    page.until_price("APPL", "100.1").await;
    elsewhere.until_price("APPL", "100.1").await;

    redis.kill_9();
    page.until_says("status", "stale").await;
    page.until("document.querySelector('[data-stock=APPL]').dataset.old === 'true'")
        .await;
    redis.restart();
    page.until_says("status", "live").await;
    page.complains_of_nothing();

    server.process.kill();
    page.until_says("status", "reconnecting").await;
    let _next = Server::start_on(server.address, &["--redis", &redis.url()]);
    page.until_says("status", "live").await;
    redis.until_followed("APPL", 2);
    redis.publish("APPL", "100.2");
    page.until_price("APPL", "100.2").await;
    elsewhere.until_price("APPL", "100.2").await;
    page.complains_of_the_network_only();
    elsewhere.complains_of_nothing();
}

/// The page asks for whatever its reader types; the server must not take it for more than text.
#[tokio::test]
async fn a_price_that_is_markup_never_reaches_the_page() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start(&["--redis", &redis.url()]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let mut user = Client::connect(server.address);
    user.follow("APPL");
    redis.until_followed("APPL", 1);
    redis.publish("APPL", "<script>alert(1)</script>");
    assert_eq!(user.json()["feed"], "stale");
    redis.publish("APPL", "5");
    page.until_price("APPL", "5").await;
    support::until("the garbage is counted", || {
        stats(server.address)["garbage"] == 1
    });
    page.complains_of_nothing();
}
