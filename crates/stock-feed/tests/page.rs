//! The page in a real browser: Chromium, without a screen.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;

use harness::fantoccini::Locator;
use harness::fantoccini::key::Key;
use harness::{Driver, RedisServer, TIMEOUT, Window};
use serde_json::{Value, json};
use support::client::{Client, stats};
use support::fleet::Server;
use tokio::time::Instant;

/// The page of a server, with these stocks.
fn page_of(server: SocketAddr, stocks: &str) -> String {
    format!("http://{server}/#{stocks}")
}

async fn until_price(page: &Window, stock: &str, price: &str) {
    page.until(&format!(
        "document.querySelector('[data-stock={stock:?}] .price')?.textContent === {price:?}"
    ))
    .await;
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

/// Stocks as feeds name them, each with two of its prices: a share, a currency, a dear share, coins, a
/// future below zero, and the longest that are allowed.
const PRICES: [(&str, [&str; 2]); 7] = [
    ("APPL", ["100.00", "112.34"]),
    ("EURUSD=X", ["1.09876", "1.09877"]),
    ("BRK/A", ["471200.00", "471234.56"]),
    ("SHIB-USD", ["0.00000800", "0.00000812"]),
    ("BTC-USD", ["67123.1234567", "67124.1234568"]),
    ("ABCDEFGHIJKLMNOPQRSTUVWX", ["-36.98", "10.01"]),
    (
        "M&M.NS",
        ["-12345.123456789012345", "123456789012345.123456789012345"],
    ),
];

#[tokio::test]
async fn nothing_covers_a_button_and_no_text_is_cut_on_any_screen() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start(&["--redis", &redis.url()]);
    let stocks = PRICES.map(|(stock, _)| stock).join(",");
    let page = driver.open(1280, &page_of(server.address, &stocks)).await;
    for (stock, prices) in PRICES {
        redis.until_subscribed(stock, 1);
        for price in prices {
            redis.publish(stock, price);
            until_price(&page, stock, price).await;
        }
    }
    // A phone, a tablet, a laptop, and both sides of each width at which the page is laid out anew.
    for width in [390, 512, 513, 672, 673, 768, 1152, 1153, 1280] {
        page.resize(width);
        let wrong = page
            .run(
                "const wrong = [];
                const box = (element) => element.getBoundingClientRect();
                for (const button of document.querySelectorAll('button:not([hidden])')) {
                    button.scrollIntoView({ block: 'center' });
                    const { x, y, width, height } = box(button);
                    const top = document.elementFromPoint(x + width / 2, y + height / 2);
                    if (!button.contains(top)) wrong.push(`${top?.className} covers ${button.ariaLabel}`);
                }
                for (const text of document.querySelectorAll('.board :is(.name, .price, .change)')) {
                    const range = document.createRange();
                    range.selectNodeContents(text);
                    const [inner, cell, leave] = [box(range), box(text), box(text.closest('li').lastChild)];
                    const cut = inner.left < cell.left - 1 || inner.right > cell.right + 1;
                    if (cut || inner.right > leave.left) wrong.push(`${text.textContent} leaves its cell`);
                }
                for (const part of document.querySelectorAll('html, section, aside, .board, .board *')) {
                    const more = part.scrollWidth - part.clientWidth;
                    if (more > 1 && part.clientWidth > 0) wrong.push(`${part.tagName} ${part.className} is ${more} too wide`);
                }
                return wrong;",
            )
            .await;
        assert_eq!(wrong, json!([]), "at {width} pixels");
    }
    page.complains_of_nothing();
}

#[tokio::test]
async fn the_axis_has_different_labels_and_none_below_zero_where_no_price_was() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start(&["--redis", &redis.url()]);
    let page = driver.open(1280, &page_of(server.address, "SHIB")).await;
    let labels =
        "[...document.querySelectorAll('#chart .grid + text')].map((text) => text.textContent)";
    redis.until_subscribed("SHIB", 1);
    redis.publish("SHIB", "0.00000812");
    until_price(&page, "SHIB", "0.00000812").await;
    assert_eq!(
        page.js(labels).await,
        json!(["0.000008115", "0.000008120", "0.000008125"])
    );
    let wrong = page
        .run(
            "const { range, marks } = await import('/page/draw.js');
            const sizes = Array.from({ length: 31 }, (_, n) => 10 ** (n - 15));
            const wrong = [];
            for (const size of [0, ...sizes]) for (const share of [0, 1e-12, 1e-6, 0.003, 0.4, 0.99, 1]) {
                for (const values of [[size, size * (1 - share)], [-size, -size * (1 - share)], [size, -size * share]]) {
                    const { low, high } = range(values.map((value) => ({ value })));
                    const labels = marks({ low, high }).map(({ label }) => label);
                    const different = new Set(labels).size === labels.length;
                    const inside = labels.every((label) => label >= low - 1e-9 * size && label <= high + 1e-9 * size);
                    const positive = !values.every((value) => value >= 0) || !labels.some((label) => label.startsWith('-'));
                    const enough = labels.length >= 3 && labels.length <= 10;
                    if (!(different && inside && positive && enough)) wrong.push([values, labels]);
                }
            }
            return wrong;",
        )
        .await;
    assert_eq!(wrong, json!([]));
    page.complains_of_nothing();
}

#[tokio::test]
async fn a_change_has_all_its_digits_and_no_percentage_of_nothing_or_of_a_debt() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let changes = page
        .run(
            "const { Quote } = await import('/page/quotes.js');
            const change = (before, after) => {
                const quote = new Quote('APPL');
                for (const price of [before, after]) quote.take({ price });
                return quote.change.text.replace('\\u00a0', ' ');
            };
            return [
                change('100.00', '112.34'),
                change('1.1', '1.3'),
                change('100.125', '100'),
                change('1.09876', '1.09877'),
                change('0.00000812', '0.00000800'),
                change('100', '100.00'),
                change('999999999999999.000000000000001', '999999999999999.000000000000003'),
                change('10.01', '-36.98'),
                change('-36.98', '10.01'),
                change('-36.98', '-37.98'),
                change('0.00', '0.05'),
            ];",
        )
        .await;
    assert_eq!(
        changes,
        json!([
            "▲ 12.34 (12.34%)",
            "▲ 0.2 (18.18%)",
            "▼ 0.125 (0.12%)",
            "▲ 0.00001 (<0.01%)",
            "▼ 0.00000012 (1.48%)",
            "= 0",
            "▲ 0.000000000000002 (<0.01%)",
            "▼ 46.99 (469.43%)",
            "▲ 46.99",
            "▼ 1.00",
            "▲ 0.05",
        ])
    );
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

    redis.until_subscribed("APPL", 1);
    let deadline = Instant::now() + TIMEOUT;
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
    page.until("document.title.startsWith('away: APPL ')").await;
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
async fn silence_is_a_question_without_an_answer_for_three_seconds_in_which_the_page_was_awake() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    let away = page
        .run(
            "const { Silence } = await import('/page/silence.js');
            const after = (...steps) => {
                const silence = new Silence();
                const asked = steps.filter(([what, at]) => silence[what](at) === true);
                return [silence.away, asked.map(([, at]) => at)];
            };
            const looks = (...times) => times.map((at) => ['look', at]);
            return {
                unanswered: after(['hear', 0], ...looks(1000, 2000, 3000, 4000)),
                not_yet: after(['hear', 0], ...looks(1000, 2000, 3000, 3999)),
                answered: after(['hear', 0], ...looks(1000), ['hear', 1001], ...looks(2000, 3000)),
                prices_instead: after(['hear', 0], ['hear', 900], ...looks(1000), ['hear', 1900], ...looks(2000)),
                asleep: after(['hear', 0], ...looks(1000, 61_000, 62_000)),
                asleep_and_then_unanswered: after(['hear', 0], ...looks(1000, 61_000, 62_000, 63_000, 64_000)),
                back: after(['hear', 0], ...looks(1000, 2000, 3000, 4000), ['hear', 4001]),
            };",
        )
        .await;
    assert_eq!(
        away,
        json!({
            "unanswered": [true, [1000]],
            "not_yet": [false, [1000]],
            "answered": [false, [1000, 3000]],
            "prices_instead": [false, []],
            "asleep": [false, [1000, 61_000]],
            "asleep_and_then_unanswered": [true, [1000, 61_000]],
            "back": [false, [1000]],
        })
    );
    page.complains_of_nothing();
}

/// Counts a page's sockets, and what it says on them.
const COUNT_SOCKETS: &str = "
    window.sockets = 0;
    window.requests = 0;
    window.WebSocket = class extends WebSocket {
        constructor(url) { super(url); window.sockets += 1; }
        send(text) { super.send(text); window.requests += 1; }
    };";

#[tokio::test]
async fn an_ad_blocker_that_keeps_the_figures_from_the_page_costs_it_no_socket() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.window(1280).await;
    page.run_first(COUNT_SOCKETS);
    page.block("*/stats");
    let address = page_of(server.address, "APPL");
    page.browser.goto(&address).await.unwrap();
    page.until_says("server-away", "No answer. If prices come all the same")
        .await;
    // It asks on its socket as long as nothing comes, and each question has its answer before the next.
    page.until("window.requests >= 5").await;
    assert_eq!(page.js("window.sockets").await, 1);
    assert_eq!(
        page.js("document.getElementById('status').textContent")
            .await,
        "live"
    );
    page.complains_of_the_network_only();
}

#[tokio::test]
async fn a_browser_without_newer_timers_has_figures_and_keeps_its_socket() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.window(1280).await;
    page.run_first(COUNT_SOCKETS);
    page.run_first("delete AbortSignal.timeout; delete AbortSignal.any;");
    let address = page_of(server.address, "APPL");
    page.browser.goto(&address).await.unwrap();
    page.until_says("flow-users", "1 user").await;
    page.until("window.requests >= 5").await;
    assert_eq!(page.js("window.sockets").await, 1);
    page.complains_of_nothing();
}

#[tokio::test]
async fn figures_of_another_server_do_not_hide_that_this_one_is_silent() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.window(1280).await;
    // What a load balancer does: the next question goes to a server that is well.
    page.run_first(
        "const ask = window.fetch;
        let kept = null;
        window.fetch = async (what, more) => {
            if (what !== 'stats') return ask(what, more);
            kept ??= await (await ask(what, more)).text();
            return new Response(kept);
        };",
    );
    let address = page_of(server.address, "APPL");
    page.browser.goto(&address).await.unwrap();
    page.until_says("flow-broker", "in process").await;
    page.until_says("status", "live").await;
    server.process.signal("STOP");
    page.until_says("status", "the server does not answer")
        .await;
    assert_eq!(
        page.js("document.getElementById('server-away').hidden")
            .await,
        true
    );
    server.process.signal("CONT");
    page.until("document.getElementById('status').textContent === 'live'")
        .await;
    page.complains_of_the_network_only();
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
async fn the_address_may_be_written_as_people_write_lists() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver
        .open(1280, &page_of(server.address, "aapl,brk.b"))
        .await;
    page.until_says("status", "live").await;
    assert_eq!(page.js("location.hash").await, "#AAPL,BRK.B");
    for (written, kept) in [
        ("#AAPL, BRK.B", "#AAPL,BRK.B"),
        ("#AAPL,%20msft", "#AAPL,MSFT"),
        (
            "#^gspc,EURUSD=X,BRK/B,M&M.NS,7203.T,BTC-USD,A_B:C+D",
            "#^GSPC,EURUSD=X,BRK/B,M&M.NS,7203.T,BTC-USD,A_B:C+D",
        ),
        ("#%5EGSPC%2CM%26M.NS", "#^GSPC,M&M.NS"),
    ] {
        page.js(&format!("location.hash = {written:?}")).await;
        page.until(&format!("location.hash === {kept:?}")).await;
    }
    let followed = "document.querySelectorAll('#followed [data-stock=\"^GSPC\"]').length === 1";
    page.until(followed).await;
    assert_eq!(
        page.js("document.getElementById('problem').hidden").await,
        true
    );
    page.js("location.hash = '#APPL,a*b'").await;
    page.until_says("problem", "A*B is not a stock").await;
    assert_eq!(page.js("location.hash").await, "#APPL");
    page.complains_of_nothing();
}

#[tokio::test]
async fn a_slash_goes_to_the_field_and_a_second_one_into_it_and_so_does_the_focus_in_the_end() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market"]);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    page.until_says("status", "live").await;
    page.press("/").await;
    page.press("brk/b").await;
    page.press(&Key::Enter.to_string()).await;
    page.until("!!document.querySelector('#followed [data-stock=\"BRK/B\"]')")
        .await;
    for stock in ["APPL", "BRK/B"] {
        let leave = format!("[data-stock={stock:?}] .leave");
        let leave = page.browser.find(Locator::Css(&leave)).await.unwrap();
        leave.click().await.unwrap();
    }
    assert_eq!(page.js("document.activeElement.id").await, "stock");
    page.press("goog").await;
    page.press(&Key::Enter.to_string()).await;
    page.until("location.hash === '#GOOG'").await;
    page.complains_of_nothing();
}

#[tokio::test]
async fn a_full_server_is_named_in_the_page_and_in_the_tab_until_a_user_disconnects() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market", "--max-users", "1"]);
    let user = Client::connect(server.address);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    page.until_says("status", "the server is full, trying again")
        .await;
    page.until("document.title === 'full: Stock feed'").await;
    page.complains_of_the_network_only();
    drop(user);
    page.until("document.getElementById('status').textContent === 'live'")
        .await;
    page.until("document.title === 'Stock feed'").await;
    page.complains_of_the_network_only();
}

#[tokio::test]
async fn a_page_whose_address_has_too_many_users_says_so_until_one_of_them_disconnects() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--no-market", "--max-users-per-address", "1"]);
    let user = Client::connect(server.address);
    let page = driver.open(1280, &page_of(server.address, "APPL")).await;
    page.until_says(
        "status",
        "your address has too many connections, trying again",
    )
    .await;
    page.until_says("refusal", "--max-users-per-address 1")
        .await;
    page.until("document.title === 'limited: Stock feed'").await;
    page.complains_of_the_network_only();
    drop(user);
    page.until("document.getElementById('status').textContent === 'live'")
        .await;
    page.until("document.getElementById('refusal').hidden")
        .await;
    page.complains_of_the_network_only();
}

/// Letters that everybody can read: WCAG 2.2 asks for 4.5:1 between a letter and what is behind it.
#[tokio::test]
async fn every_text_has_contrast_in_every_state_by_day_and_by_night() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    let page = driver
        .open(1280, &page_of(server.address, "APPL,GOOG"))
        .await;
    page.until("document.querySelectorAll('#board .change[data-way=up]').length > 0")
        .await;
    page.until_says("flow-users", "1 user").await;
    page.press("/").await;
    page.press("not a stock").await;
    page.press(&Key::Enter.to_string()).await;
    page.until_says("problem", "is not a stock").await;
    let too_faint = "
        // A price that has just changed is coloured for a moment.
        for (const animation of document.getAnimations()) animation.finish();
        const rgb = (text) => {
            const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number);
            return { r, g, b, a };
        };
        const over = (top, back, a) => ({
            r: top.r * a + back.r * (1 - a), g: top.g * a + back.g * (1 - a), b: top.b * a + back.b * (1 - a), a: 1,
        });
        const light = ({ r, g, b }) => [r, g, b].reduce((sum, part, n) => {
            const share = part / 255;
            return sum + [0.2126, 0.7152, 0.0722][n] * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
        }, 0);
        const behind = (element) => {
            if (element.closest('.flow')) return rgb(getComputedStyle(document.querySelector('.flow .box')).fill);
            for (let at = element; at; at = at.parentElement) {
                const colour = rgb(getComputedStyle(at).backgroundColor);
                if (colour.a === 1) return colour;
            }
        };
        const seen = [];
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (!texts.currentNode.textContent.trim() || !element.checkVisibility() || element.closest('.unseen, option')) continue;
            let opacity = 1;
            for (let at = element; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
            const style = getComputedStyle(element);
            const back = behind(element);
            const text = rgb(element instanceof SVGElement ? style.fill : style.color);
            const [one, other] = [light(over(text, back, opacity * text.a)), light(back)];
            const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            seen.push([element.textContent, contrast]);
        }
        return { texts: seen.length, faint: seen.filter(([, contrast]) => contrast < 4.5) };
    ";
    let measure = async |state: &str| {
        for colours in ["light", "dark"] {
            page.prefer(colours);
            let seen = page.run(too_faint).await;
            assert_eq!(seen["faint"], json!([]), "{state}, {colours}");
            assert!(seen["texts"].as_u64().unwrap() > 30, "{seen}");
        }
    };
    measure("live").await;
    server.process.signal("STOP");
    page.until_says("server-away", "No answer since").await;
    measure("away").await;
    server.process.signal("CONT");
    page.complains_of_the_network_only();
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

    // Of a stock that its reader left before the answer came there is nothing to say.
    page.run(
        "const problem = document.getElementById('problem');
        window.messages = [];
        new MutationObserver(() => window.messages.push(problem.textContent)).observe(problem, { childList: true });
        const field = document.getElementById('stock');
        field.value = 'TSLA';
        field.form.requestSubmit();
        document.querySelector('[data-stock=TSLA] .leave').click();",
    )
    .await;

    // There is room again, and nothing to complain of.
    page.browser
        .find(Locator::Css("[data-stock=GOOG] .leave"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    assert_eq!(
        page.js("document.getElementById('problem').hidden").await,
        true
    );
    page.press("/").await;
    page.press("tsla").await;
    page.press(&Key::Enter.to_string()).await;
    page.until("!!document.querySelector('#followed [data-stock=TSLA]')")
        .await;
    page.until("document.getElementById('problem').hidden")
        .await;
    // Answers come in the order of the questions: by now the one to the first TSLA has come.
    assert_eq!(
        page.js("window.messages.filter((text) => text.includes('TSLA'))")
            .await,
        json!([])
    );
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
    redis.until_subscribed("APPL", 2);
    redis.publish("APPL", "100.1");
    until_price(&page, "APPL", "100.1").await;
    until_price(&elsewhere, "APPL", "100.1").await;

    redis.kill_9();
    page.until_says("status", "stale").await;
    page.until("document.title === 'stale: APPL 100.1'").await;
    page.until("document.querySelector('[data-stock=APPL]').dataset.old === 'true'")
        .await;
    redis.restart();
    page.until_says("status", "live").await;
    page.until("document.title === 'APPL 100.1'").await;
    page.complains_of_nothing();

    server.process.kill();
    page.until_says("status", "reconnecting").await;
    let _next = Server::start_on(server.address, &["--redis", &redis.url()]);
    page.until_says("status", "live").await;
    redis.until_subscribed("APPL", 2);
    redis.publish("APPL", "100.2");
    until_price(&page, "APPL", "100.2").await;
    until_price(&elsewhere, "APPL", "100.2").await;
    page.complains_of_the_network_only();
    elsewhere.complains_of_nothing();
}

#[tokio::test]
async fn the_page_names_a_master_that_is_lost_and_counts_its_channels() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let bus = harness::free_port().to_string();
    let flags = ["--cluster-enabled", "yes", "--cluster-port", &bus].map(str::to_owned);
    let Some(redis) = RedisServer::start_with(&flags) else {
        return;
    };
    // A cluster of one node: all channels are lost with it.
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let cluster = format!("{}?cluster=true", redis.url());
    let server = Server::start(&["--redis", &cluster]);
    let page = driver
        .open(1280, &page_of(server.address, "APPL,GOOG"))
        .await;
    for stock in ["APPL", "GOOG"] {
        page.until_says("events", &format!("subscribed {stock}"))
            .await;
    }
    redis.run::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    let lost = format!("lost {} and its 2 channels", redis.address());
    page.until_says("events", &lost).await;
    page.complains_of_nothing();
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
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    redis.publish("APPL", "<script>alert(1)</script>");
    assert_eq!(user.json()["feed"], "stale");
    redis.publish("APPL", "5");
    until_price(&page, "APPL", "5").await;
    harness::until("the invalid message is counted", || {
        stats(server.address)["invalid_messages"] == 1
    });
    page.complains_of_nothing();
}
