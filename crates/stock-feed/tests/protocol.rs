//! Every message of the wire protocol, and what every bad one gets, over real sockets.

mod support;

use futures_util::{SinkExt, StreamExt};
use pubsub_manager::PubSubManager;
use serde_json::json;
use support::client::{
    BINARY, CLOSE, CONTINUE, Client, FIN, PING, PONG, TEXT, frame, get, handshake, http, stats,
};
use support::fixture::fixture;
use tokio_tungstenite::tungstenite::Message;

fn user() -> Client {
    Client::connect(fixture().server)
}

#[test]
fn the_status_comes_first_and_prices_follow_a_subscription() {
    let mut user = Client::silent(fixture().server);
    assert_eq!(user.text(), r#"{"type":"status","feed":"live"}"#);
    user.subscribe_acknowledged("FIRST");
    fixture().until_subscribed_to("FIRST");
    fixture().publish("FIRST", "100.01");
    assert_eq!(
        user.text(),
        r#"{"type":"price","stock":"FIRST","price":"100.01"}"#
    );
}

#[test]
fn a_user_that_subscribes_later_is_sent_the_last_price_marked_as_the_last() {
    let mut early = user();
    early.subscribe_acknowledged("LATE");
    fixture().until_subscribed_to("LATE");
    fixture().publish("LATE", "7.50");
    early.text();
    let mut late = user();
    late.subscribe_acknowledged("LATE");
    assert_eq!(
        late.text(),
        r#"{"type":"price","stock":"LATE","price":"7.50","last":true}"#
    );
}

#[test]
fn a_user_who_subscribes_twice_is_acknowledged_twice_and_sent_every_price_once() {
    let mut user = user();
    user.subscribe_acknowledged("TWICE");
    user.subscribe_acknowledged("TWICE");
    fixture().until_subscribed_to("TWICE");
    fixture().publish("TWICE", "1");
    fixture().publish("TWICE", "2");
    assert_eq!(user.json()["price"], "1");
    assert_eq!(user.json()["price"], "2");
}

#[test]
fn after_unsubscribed_comes_no_price_of_that_stock() {
    let mut user = user();
    user.subscribe_acknowledged("GONE");
    user.subscribe_acknowledged("STAYS");
    fixture().until_subscribed_to("GONE");
    fixture().until_subscribed_to("STAYS");
    user.unsubscribe("GONE");
    assert_eq!(user.text(), r#"{"type":"unsubscribed","stock":"GONE"}"#);
    fixture().publish("GONE", "1");
    fixture().publish("STAYS", "2");
    assert_eq!(
        user.json(),
        json!({"type": "price", "stock": "STAYS", "price": "2"})
    );
    user.unsubscribe("GONE");
    assert_eq!(user.text(), r#"{"type":"unsubscribed","stock":"GONE"}"#);
}

#[test]
fn invalid_input_gets_an_error_and_the_connection_stays_open() {
    let mut user = user();
    for (text, code) in [
        ("hello", "bad_json"),
        ("{}", "bad_message"),
        (
            r#"{"type":"publish","stock":"APPL","price":"1"}"#,
            "bad_message",
        ),
        (r#"{"type":"subscribe","stock":"appl"}"#, "bad_stock"),
        (r#"{"type":"unsubscribe","stock":""}"#, "bad_stock"),
    ] {
        user.send_text(text);
        let answer = user.json();
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{text}"
        );
        assert!(
            answer["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
    user.subscribe_acknowledged("ALIVE");
}

#[test]
fn a_user_that_asks_for_a_pace_is_sent_the_newest_price_and_how_many_it_missed() {
    let mut user = Client::with_query(fixture().server, "pace=100ms");
    assert_eq!(user.text(), r#"{"type":"status","feed":"live"}"#);
    user.subscribe_acknowledged("PACED");
    user.subscribe_acknowledged("PACED-TOO");
    fixture().until_subscribed_to("PACED");
    fixture().until_subscribed_to("PACED-TOO");
    let mut newest = 0;
    for round in 1..=3 {
        for price in (round - 1) * 30 + 1..=round * 30 {
            fixture().publish("PACED", &format!("{price}"));
        }
        while newest < round * 30 {
            let price = user.json();
            assert_eq!(price["stock"], "PACED", "{price}");
            let missed = price["missed"].as_u64().unwrap_or(0);
            let number: u64 = price["price"].as_str().unwrap().parse().unwrap();
            assert_eq!(number, newest + 1 + missed, "each price is sent or counted");
            newest = number;
        }
    }
    fixture().publish("PACED-TOO", "1");
    assert_eq!(
        user.text(),
        r#"{"type":"price","stock":"PACED-TOO","price":"1"}"#
    );
}

#[test]
fn an_invalid_pace_gets_an_error_after_the_status_and_each_price_comes() {
    for pace in ["", "0s", "99ms", "61s", "abc", "1", "-1s"] {
        let mut user = Client::with_query(fixture().server, &format!("pace={pace}"));
        assert_eq!(user.text(), r#"{"type":"status","feed":"live"}"#);
        let error = user.json();
        assert_eq!(error["code"], "bad_pace", "{pace}: {error}");
        assert_eq!(error["type"], "error", "{pace}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("100ms and 60s"), "{pace}: {message}");
        user.subscribe_acknowledged("UNPACED");
        fixture().until_subscribed_to("UNPACED");
        for price in ["1", "2", "3"] {
            fixture().publish("UNPACED", price);
        }
        // The last price that the user before this one was sent comes first.
        let prices = std::iter::repeat_with(|| user.json()).filter(|price| price["last"] != true);
        let prices: Vec<_> = prices.take(3).collect();
        assert!(
            prices.iter().all(|price| price.get("missed").is_none()),
            "{pace}: {prices:?}"
        );
    }
}

#[test]
fn a_query_that_asks_for_no_pace_changes_nothing() {
    for query in ["v=1", "", "%zz&&=", "PACE=1s"] {
        let mut user = Client::with_query(fixture().server, query);
        assert_eq!(user.text(), r#"{"type":"status","feed":"live"}"#);
        user.subscribe_acknowledged(&format!("QUERY-{}", query.len()));
    }
}

#[test]
fn the_hundred_and_first_stock_is_one_too_many() {
    let mut user = user();
    for n in 0..100 {
        user.subscribe_acknowledged(&format!("MANY-{n}"));
    }
    user.subscribe("MANY-100");
    assert_eq!(user.json()["code"], "too_many_stocks");
    user.unsubscribe("MANY-0");
    user.text();
    user.subscribe_acknowledged("MANY-100");
}

#[test]
fn ten_thousand_subscriptions_in_a_row_are_all_answered_in_order() {
    let mut user = Client::with_little_room(fixture().server);
    assert_eq!(user.json()["type"], "status");
    // All are asked before an answer is read, so the server has to stop listening for a while: it
    // keeps no more than 32 KiB of answers for anybody.
    for n in 0..10_000 {
        let request = format!(r#"{{"type":"subscribe","stock":"ROW-{n}"}}"#);
        user.send(&frame(FIN | TEXT, request.as_bytes()));
    }
    let manager = PubSubManager::instance().unwrap();
    harness::until("the answers wait for their reader", || {
        manager.stats().users_lagging > 0
    });
    for n in 0..10_000 {
        let answer = user.json();
        if n < 100 {
            assert_eq!(
                answer,
                json!({"type": "subscribed", "stock": format!("ROW-{n}")})
            );
        } else {
            assert_eq!(answer["code"], "too_many_stocks", "{n}");
        }
    }
}

#[test]
fn a_message_may_come_in_fragments_and_a_ping_between_them_gets_its_pong() {
    let mut user = user();
    let text = br#"{"type":"subscribe","stock":"PIECES"}"#;
    for byte in frame(TEXT, &text[..9]) {
        user.send(&[byte]);
    }
    user.send(&frame(FIN | PING, b"still there?"));
    assert_eq!(user.frame(), Some((PONG, b"still there?".to_vec())));
    user.send(&frame(CONTINUE, &text[9..20]));
    user.send(&frame(FIN | CONTINUE, &text[20..]));
    assert_eq!(user.json()["type"], "subscribed");
}

#[test]
fn each_violation_closes_with_its_code() {
    let mut unmasked = frame(FIN | TEXT, b"hello");
    unmasked[1] &= 0x7f;
    let too_long = vec![b'x'; 4097];
    let fragments = [frame(TEXT, &too_long[..4096]), frame(FIN | CONTINUE, b"x")].concat();
    for (what, bytes, code) in [
        ("an unmasked frame", unmasked, 1002),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, b"x"), 1002),
        (
            "a continuation of nothing",
            frame(FIN | CONTINUE, b"x"),
            1002,
        ),
        ("a fragmented ping", frame(PING, b"x"), 1002),
        ("a binary frame", frame(FIN | BINARY, b"x"), 1003),
        ("text that is not UTF-8", frame(FIN | TEXT, b"\xff"), 1007),
        ("a frame over 4 KiB", frame(FIN | TEXT, &too_long), 1009),
        ("fragments over 4 KiB", fragments, 1009),
    ] {
        let mut user = user();
        user.send(&bytes);
        assert_eq!(user.until_closed(), Some(code), "{what}");
    }
}

/// A reset would take the close frame away before the user has read why it was closed.
#[test]
fn a_user_whose_connection_is_closed_may_finish_its_message_and_receives_the_reason() {
    let mut user = user();
    user.send(&frame(FIN | BINARY, b"x"));
    for _ in 0..64 {
        user.send(&[0; 64 * 1024]);
    }
    user.expect_close(1003);
}

#[test]
fn a_violation_in_the_packet_of_the_handshake_is_answered_as_well() {
    let mut stream = std::net::TcpStream::connect(fixture().server).unwrap();
    let mut all = handshake(fixture().server, "").into_bytes();
    all.extend(frame(FIN | BINARY, b"x"));
    // What nobody reads would turn the server's end into a reset.
    all.resize(4 * 1024 * 1024, 0);
    std::io::Write::write_all(&mut stream, &all).unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    let code = 1003_u16.to_be_bytes();
    let closes = |bytes: &[u8]| bytes[0] == FIN | CLOSE && bytes[2..] == code;
    assert!(
        answer.windows(4).any(closes),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn a_close_frame_is_answered_with_a_close_frame() {
    let mut user = user();
    user.subscribe_acknowledged("BYE");
    user.send(&frame(FIN | CLOSE, &1001_u16.to_be_bytes()));
    user.expect_close(1000);
    harness::until("the seat and the stock are free", || {
        !stats(fixture().server)["stocks"]
            .to_string()
            .contains("BYE")
    });
}

#[test]
fn a_message_that_is_not_a_price_is_not_relayed_and_makes_its_stock_stale() {
    let mut user = user();
    user.subscribe_acknowledged("INVALID");
    fixture().until_subscribed_to("INVALID");
    let stock = "INVALID".parse().unwrap();
    for message in [
        &b""[..],
        b"1e3",
        b"--1",
        b"\xff\xfe",
        b"<script>",
        b"1.1234567890123456",
        b"NaN",
    ] {
        fixture().broker.publish_unchecked(stock, message);
    }
    // No user is left with an old price that is called live.
    assert_eq!(
        user.text(),
        r#"{"type":"status","feed":"stale","stock":"INVALID"}"#
    );
    fixture().publish("INVALID", "-5");
    let mut frames = [user.text(), user.text()];
    frames.sort();
    assert_eq!(
        frames,
        [
            r#"{"type":"price","stock":"INVALID","price":"-5"}"#,
            r#"{"type":"status","feed":"live","stock":"INVALID"}"#
        ]
    );
}

/// A packet is most of what a connecting user costs.
#[test]
#[cfg(target_os = "linux")]
fn the_handshakes_answer_and_the_first_status_come_in_one_packet() {
    use std::io::{Read, Write};

    let server = fixture().server;
    for _ in 0..50 {
        let mut stream = std::net::TcpStream::connect(server).unwrap();
        stream.write_all(handshake(server, "").as_bytes()).unwrap();
        let mut packet = [0; 4096];
        let read = stream.read(&mut packet).unwrap();
        let packet = String::from_utf8_lossy(&packet[..read]);
        assert!(packet.starts_with("HTTP/1.1 101 "), "{packet}");
        assert!(
            packet.ends_with(r#"{"type":"status","feed":"live"}"#),
            "{packet}"
        );
    }
}

#[test]
fn a_subscription_may_come_in_the_same_packet_as_the_handshake() {
    let server = fixture().server;
    let mut bytes = handshake(server, "").into_bytes();
    bytes.extend(frame(
        FIN | TEXT,
        br#"{"type":"subscribe","stock":"EAGER"}"#,
    ));
    let mut stream = std::net::TcpStream::connect(server).unwrap();
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    fixture().until_subscribed_to("EAGER");
}

#[test]
fn an_independent_client_understands_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = format!("ws://{}/ws", fixture().server);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| {
            socket
                .next()
                .await
                .unwrap()
                .unwrap()
                .into_text()
                .unwrap()
                .to_string()
        };
        assert_eq!(
            next(&mut socket).await,
            r#"{"type":"status","feed":"live"}"#
        );
        socket
            .send(Message::text(r#"{"type":"subscribe","stock":"OTHER"}"#))
            .await
            .unwrap();
        assert_eq!(
            next(&mut socket).await,
            r#"{"type":"subscribed","stock":"OTHER"}"#
        );
        fixture().until_subscribed_to("OTHER");
        for n in 0..500 {
            fixture().publish("OTHER", &format!("{n}"));
        }
        let mut newest = -1;
        while newest < 499 {
            let message: serde_json::Value =
                serde_json::from_str(&next(&mut socket).await).unwrap();
            let price: i64 = message["price"].as_str().unwrap().parse().unwrap();
            let missed = message["missed"].as_i64().unwrap_or(0);
            assert_eq!(
                price,
                newest + 1 + missed,
                "in order, and what is missing is counted"
            );
            newest = price;
        }
        socket.send(Message::Ping("x".into())).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Pong(_)))));
        socket.close(None).await.unwrap();
        assert!(matches!(
            socket.next().await,
            Some(Ok(Message::Close(Some(_))))
        ));
        assert!(socket.next().await.is_none());
    });
}

#[test]
fn a_page_of_another_origin_is_refused_unless_it_is_allowed() {
    let server = fixture().server;
    let refused = Client::try_connect(server, "Origin: https://evil.example\r\n").unwrap_err();
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("--allow-origin https://evil.example"),
        "{}",
        refused.body
    );
    let nobody = Client::try_connect(server, "Origin: null\r\n").unwrap_err();
    assert_eq!(nobody.status, 403);
    assert!(!nobody.body.contains("--allow-origin"), "{}", nobody.body);
    assert!(Client::try_connect(server, "Origin: https://feed.example\r\n").is_ok());
    assert!(Client::try_connect(server, &format!("Origin: http://{server}\r\n")).is_ok());
}

#[test]
fn a_request_that_is_not_a_handshake_is_answered_with_what_is_missing() {
    let server = fixture().server;
    assert_eq!(get(server, "/ws").status, 426);
    let old = handshake(server, "").replace("Version: 13", "Version: 8");
    let answer = http(
        server,
        &old.replace("Connection: Upgrade", "Connection: Upgrade, close"),
    );
    assert_eq!(answer.status, 400);
    assert!(
        answer.head.contains("sec-websocket-version: 13"),
        "{}",
        answer.head
    );
    let large = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(http(server, &large).status, 431);
}

/// RFC 6455, section 4.2.1; nginx uses HTTP/1.0 to a server by default.
#[test]
fn a_handshake_over_http_1_0_is_refused_and_names_the_cure() {
    let server = fixture().server;
    let old = handshake(server, "").replace("HTTP/1.1", "HTTP/1.0");
    let answer = http(server, &old);
    assert_eq!(answer.status, 426, "{}", answer.head);
    assert!(
        answer.body.contains("proxy_http_version 1.1"),
        "{}",
        answer.body
    );
    // A client that only asks whether this server is well may be as old as it likes.
    assert_eq!(http(server, "GET /healthz HTTP/1.0\r\n\r\n").status, 200);
}

/// RFC 9112, section 3.2.
#[test]
fn a_request_without_exactly_one_host_is_refused() {
    let server = fixture().server;
    for path in ["/ws", "/", "/healthz"] {
        let whole = handshake(server, "").replace("/ws", path);
        let host = format!("Host: {server}\r\n");
        let status = |hosts: &str| {
            let request = whole.replace(&host, hosts);
            let request = request.replace("Connection: Upgrade", "Connection: Upgrade, close");
            http(server, &request).status
        };
        for wrong in [
            "",
            &host.repeat(2),
            "Host: a\r\nHost: b\r\n",
            "Host: a b\r\n",
            "Host: user@a\r\n",
        ] {
            assert_eq!(status(wrong), 400, "{path} {wrong:?}");
        }
    }
    for right in ["Host: \r\n", "host: a\r\n", "Host: [::1]:80\r\n"] {
        let request = format!("GET /healthz HTTP/1.1\r\n{right}\r\n");
        assert_eq!(http(server, &request).status, 200, "{right:?}");
    }
}

#[test]
fn the_page_and_the_figures_are_served_under_a_strict_policy() {
    let server = fixture().server;
    for path in [
        "/",
        "/page/main.js",
        "/page/style.css",
        "/page/icon.svg",
        "/stats",
        "/healthz",
    ] {
        let answer = get(server, path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .head
                .contains("content-security-policy: default-src 'none'"),
            "{path}"
        );
        assert!(
            !answer.body.contains("style=") && !answer.body.contains("onclick=\""),
            "{path}"
        );
    }
    assert_eq!(get(server, "/page/../Cargo.toml").status, 404);
    assert_eq!(get(server, "/nothing").status, 404);
}

#[test]
fn the_figures_count_users_stocks_messages_and_deliveries() {
    let server = fixture().server;
    let mut users = [user(), user(), user()];
    for user in &mut users {
        user.subscribe_acknowledged("COUNTED");
    }
    fixture().until_subscribed_to("COUNTED");
    let figure = |name: &str| stats(server)[name].as_u64().unwrap();
    let before = figure("deliveries_out");
    fixture().publish("COUNTED", "1");
    harness::until("three deliveries are counted", || {
        figure("deliveries_out") >= before + 3
    });
    assert!(figure("users") >= 3);
    let stats = stats(server);
    assert!(
        stats["stocks"]
            .as_array()
            .unwrap()
            .contains(&json!({"stock": "COUNTED", "users": 3}))
    );
    assert!(
        stats["events"]
            .to_string()
            .contains(r#""what":"subscribed""#)
    );
    let metric = |name: &str| {
        let metrics = get(server, "/metrics").body;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.and_then(|figure| figure.parse::<u64>().ok())
    };
    assert!(metric("stock_feed_users") >= Some(3));
    let figures = [
        ("pubsub_messages_in_total", figure("messages_in")),
        ("pubsub_deliveries_total", figure("deliveries_out")),
        ("pubsub_subscriptions", 3),
    ];
    for (name, at_least) in figures {
        harness::until(name, || metric(name) >= Some(at_least));
    }
}

/// Dashboards read the old names for a while yet, and learn the new ones from `/metrics` itself.
#[test]
fn a_metric_that_was_renamed_has_both_names_and_the_old_one_is_marked_as_deprecated() {
    let metrics = get(fixture().server, "/metrics").body;
    let has = |name: &str| {
        metrics
            .lines()
            .any(|line| line.starts_with(&format!("{name} ")))
    };
    for (old, new) in [
        ("pubsub_garbage_total", "pubsub_invalid_messages_total"),
        ("pubsub_users_given_up_total", "pubsub_users_evicted_total"),
        ("pubsub_users_behind", "pubsub_users_lagging"),
        ("stock_feed_users_most", "stock_feed_max_users"),
    ] {
        assert!(has(old) && has(new), "{old}, {new}: {metrics}");
        let help = format!("# HELP {old} deprecated: read {new}\n");
        assert!(metrics.contains(&help), "{help}{metrics}");
    }
    let stats = stats(fixture().server);
    for (old, new) in [
        ("most_users", "max_users"),
        ("garbage", "invalid_messages"),
        ("given_up", "evicted"),
    ] {
        assert!(stats[new].is_u64(), "{new}: {stats}");
        assert_eq!(stats[old], stats[new], "{old}, {new}");
    }
}

#[test]
fn the_ages_of_prices_are_a_histogram_for_prometheus() {
    const NAME: &str = "pubsub_price_age_seconds";
    let mut user = user();
    user.subscribe_acknowledged("AGED");
    fixture().until_subscribed_to("AGED");
    fixture().publish("AGED", "1");
    user.text();
    let mut metrics = String::new();
    harness::until("the delivery is counted", || {
        metrics = get(fixture().server, "/metrics").body;
        !metrics.contains(&format!("\n{NAME}_count 0\n"))
    });
    // The text format, version 0.0.4: a comment, or a name, labels in braces and a number.
    for line in metrics.lines().filter(|line| !line.is_empty()) {
        let (sample, value) = line.rsplit_once(' ').expect(line);
        let is_comment = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
        assert!(is_comment || value.parse::<f64>().is_ok(), "{line}");
        let name = sample.split('{').next().expect(line);
        let is_name = |name: &str| name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        assert!(is_comment || is_name(name), "{line}");
    }
    assert_eq!(
        metrics
            .matches(&format!("# TYPE {NAME} histogram\n"))
            .count(),
        1
    );
    assert_eq!(metrics.matches(&format!("# HELP {NAME} ")).count(), 1);
    let values = |start: &str| -> Vec<(String, f64)> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(start));
        let pair = |line: &str| {
            let (label, value) = line.rsplit_once(' ').expect("a label and a value");
            (label.to_owned(), value.parse().expect("a number"))
        };
        lines.map(pair).collect()
    };
    let buckets = values(&format!("{NAME}_bucket{{le="));
    assert!(
        buckets.is_sorted_by(|(_, one), (_, next)| one <= next),
        "{buckets:?}"
    );
    let bounds = buckets
        .iter()
        .map(|(label, _)| label.trim_matches(['"', '}']));
    let bounds: Vec<f64> = bounds.map(|bound| bound.parse().expect(bound)).collect();
    assert!(
        bounds.is_sorted() && bounds.ends_with(&[60.0, f64::INFINITY]),
        "{bounds:?}"
    );
    let (last, all) = buckets.last().expect("there are buckets").clone();
    assert_eq!(last, "\"+Inf\"}");
    assert_eq!(values(&format!("{NAME}_count"))[0].1, all);
    assert_eq!(values("pubsub_deliveries_total")[0].1, all);
    assert!(values(&format!("{NAME}_sum"))[0].1 > 0.0);
}
