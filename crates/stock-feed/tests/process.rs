//! The program as a process: its limits, its messages, and how it ends.
#![cfg(unix)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use harness::{Process, RedisServer, TIMEOUT, until};
use support::client::connect_from;
use support::client::{CLOSE, Client, FIN, PING, PONG, TEXT, flood, frame, get, handshake};
use support::fleet::{Server, program};

#[test]
fn a_port_that_is_taken_is_named_and_so_is_a_free_one() {
    let first = Server::start(&[]);
    let taken = first.address.to_string();
    let mut second = Process::start(program().args(["--listen", &taken]));
    assert_eq!(second.wait().code(), Some(1));
    second.until_output(&format!("cannot listen on {taken}"));
    second.until_output("start this one with --listen 127.0.0.1:");
}

#[test]
fn invalid_flags_end_with_code_two_and_what_to_write_instead() {
    for (flags, advice) in [
        (&["--redis", "nonsense"][..], "redis://"),
        (&["--max-message", "1"], "64..=1048576"),
        (&["--max-users-per-address", "0"], "0 is not in 1.."),
        (&["--max-users-per-address", "many"], "invalid digit"),
        (&["--ping-every", "soon"], "30s"),
        (&["--pace", "99ms"], "between 100ms and 60s"),
        (&["--pace", "61s"], "between 100ms and 60s"),
        (&["--pace", "often"], "for instance 500ms or 1s"),
        (&["--allow-origin", "feed.example"], "https://feed.example"),
        (&["watch", "http://127.0.0.1:3000", "APPL"], "ws://"),
        (&["watch", "ws://127.0.0.1:3000", "ap pl"], "APPL"),
    ] {
        let mut process = Process::start(program().args(flags));
        assert_eq!(process.wait().code(), Some(2), "{flags:?}");
        process.until_output(advice);
    }
}

#[test]
fn the_log_names_a_refused_pages_client_by_a_trusted_proxys_word() {
    for (flags, named) in [(&["--trust-proxy"][..], true), (&[], false)] {
        let server = Server::start(flags);
        let headers = "Origin: https://evil.example\r\nX-Forwarded-For: 10.0.0.1, 192.0.2.7\r\n";
        let refused = Client::try_connect(server.address, headers).unwrap_err();
        assert_eq!(refused.status, 403);
        server
            .process
            .until_output("origin=\"https://evil.example\"");
        let output = server.process.output();
        assert_eq!(output.contains("client=192.0.2.7"), named, "{output}");
        assert!(!output.contains("10.0.0.1"), "{output}");
    }
}

#[test]
fn an_address_of_another_machine_is_not_taken_for_one_in_use() {
    // From the block that is for documentation: nobody's address.
    let mut process = Process::start(program().args(["--listen", "192.0.2.1:3000"]));
    assert_eq!(process.wait().code(), Some(1));
    process.until_output("choose an address of this machine");
}

#[test]
fn an_invalid_filter_for_the_log_is_named_and_the_server_runs() {
    let server = Server::start_as(
        program()
            .args(["--listen", "127.0.0.1:0", "--no-market"])
            .env("RUST_LOG", "stock_feed=loud"),
    );
    server.process.until_output("RUST_LOG=\"stock_feed=loud\"");
    server.process.signal("TERM");
    server.process.until_output("asked to reconnect");
}

/// It may be asked to end as soon as it says where it is. Here its first line cannot leave, because the
/// pipe is full: that is the last moment before it could be read.
#[test]
#[cfg(target_os = "linux")]
fn it_handles_signals_before_it_prints_its_address() {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // What a pipe holds by default.
    writer.write_all(&[b'\n'; 64 * 1024]).unwrap();
    let mut server = program()
        .args(["--listen", "127.0.0.1:0", "--no-market"])
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("its handlers are set", || {
        harness::has_its_handlers(server.id())
    });
    let kill = format!("kill -TERM {}", server.id());
    Command::new("sh").args(["-c", &kill]).status().unwrap();
    let mut output = String::new();
    reader.read_to_string(&mut output).unwrap();
    assert!(output.contains("has the page"), "{output}");
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn without_arguments_a_market_lives_in_the_process() {
    let server = Server::start(&["--market-every", "1ms"]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    let price = user.json();
    assert_eq!(
        (price["type"].as_str(), price["stock"].as_str()),
        (Some("price"), Some("APPL"))
    );
}

#[test]
fn the_pace_of_the_server_is_that_of_its_users_and_they_may_ask_for_a_slower_one_only() {
    let server = Server::start(&["--market-every", "1ms", "--pace", "200ms"]);
    for (query, is_refused) in [("", false), ("pace=300ms", false), ("pace=100ms", true)] {
        let mut user = Client::with_query(server.address, query);
        assert_eq!(user.json()["type"], "status");
        if is_refused {
            let error = user.json();
            assert_eq!(error["code"], "bad_pace", "{error}");
            let message = error["message"].as_str().expect("it has one");
            assert!(message.contains("200ms"), "{message}");
        }
        user.subscribe_acknowledged("APPL");
        // Its price changes every few milliseconds; if the machine is busy, fewer changes come before a turn.
        let missed = std::iter::repeat_with(|| user.json()["missed"].as_u64());
        assert!(missed.take(50).any(|missed| missed > Some(3)), "{query}");
    }
}

#[test]
fn the_redis_may_be_named_in_the_environment_and_help_does_not_print_it() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start_as(
        program()
            .args(["--listen", "127.0.0.1:0"])
            .env("REDIS_URL", redis.url()),
    );
    until("it is linked to that Redis", || {
        get(server.address, "/healthz").body == "live\n"
    });
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    redis.publish("APPL", "1");
    assert_eq!(user.json()["price"], "1");

    let secret = "redis://:secret@127.0.0.1:1";
    let mut help = Process::start(program().arg("--help").env("REDIS_URL", secret));
    assert!(help.wait().success());
    help.until_output("REDIS_URL");
    assert!(!help.output().contains("secret"));
}

#[test]
fn at_sigterm_it_closes_users_with_1012_and_frees_the_port() {
    let mut server = Server::start(&["--no-market", "--drain", "300ms"]);
    let mut users: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    server.process.signal("TERM");
    server.process.until_output("asked to reconnect");
    let next = Server::start_on(server.address, &["--no-market"]);
    for user in &mut users {
        user.expect_close(1012);
    }
    drop(users);
    assert_eq!(server.process.wait().code(), Some(0));
    Client::connect(next.address);
}

/// If they all came back at once, they would trample the servers that stay.
#[test]
fn a_slow_user_gets_the_close_frame_after_what_it_has_yet_to_read() {
    let server = Server::start(&["--no-market", "--drain", "200ms"]);
    let mut behind = Client::with_little_room(server.address);
    let mut beside = Client::connect(server.address);
    for _ in 0..3_000 {
        behind.send(&frame(FIN | PING, &[b'x'; 125]));
    }
    until("its answers wait for it", || {
        let metrics = get(server.address, "/metrics").body;
        metrics.contains("pubsub_users_lagging 1")
    });
    server.process.signal("TERM");
    // Users are closed in the order of connecting, so both have been closed by then.
    beside.expect_close(1012);
    behind.expect_close(1012);
}

#[test]
fn close_frames_are_spread_over_the_drain_time() {
    let mut server = Server::start(&["--no-market", "--drain", "2s"]);
    let users: Vec<Client> = (0..64).map(|_| Client::connect(server.address)).collect();
    server.process.signal("TERM");
    let close_frames = users.into_iter().map(|mut user| {
        std::thread::spawn(move || {
            user.expect_close(1012);
            Instant::now()
        })
    });
    let close_frames: Vec<_> = close_frames.collect();
    let mut at: Vec<Instant> = close_frames
        .into_iter()
        .map(|user| user.join().expect("each is asked to reconnect"))
        .collect();
    at.sort();
    let (first, middle, last) = (at[0], at[32], at[63]);
    let (early, late) = (middle - first, last - middle);
    assert!(
        early.min(late) >= Duration::from_millis(300),
        "half of them within {early:?}, the others within {late:?}, of two seconds"
    );
    assert_eq!(server.process.wait().code(), Some(0));
}

#[test]
fn a_user_who_comes_while_the_server_is_ending_is_sent_to_another() {
    let mut server = Server::start(&["--no-market", "--drain", "2s"]);
    let mut late = TcpStream::connect(server.address).unwrap();
    late.set_read_timeout(Some(TIMEOUT)).unwrap();
    // The one came before the other, so both are in when the other has its answer.
    let mut user = Client::connect(server.address);
    server.process.signal("TERM");
    server.process.until_output("asked to reconnect");
    late.write_all(handshake(server.address, "").as_bytes())
        .unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 5"), "{answer}");
    user.expect_close(1012);
    drop(user);
    assert_eq!(server.process.wait().code(), Some(0));
}

#[test]
fn a_terminal_that_is_closed_ends_it_as_sigterm_does() {
    let mut server = Server::start(&["--no-market", "--drain", "100ms"]);
    let mut user = Client::connect(server.address);
    server.process.signal("HUP");
    user.expect_close(1012);
    drop(user);
    assert_eq!(server.process.wait().code(), Some(0));
}

#[test]
fn a_second_ctrl_c_ends_it_immediately() {
    let mut server = Server::start(&["--no-market", "--drain", "1h"]);
    let _user = Client::connect(server.address);
    server.process.signal("INT");
    server.process.until_output("asked to reconnect");
    server.process.signal("INT");
    assert_eq!(server.process.wait().code(), Some(1));
}

#[test]
fn a_user_beyond_max_users_is_answered_503_until_another_disconnects() {
    let server = Server::start(&["--no-market", "--max-users", "2"]);
    let mut first = Client::connect(server.address);
    let _second = Client::connect(server.address);
    let refused = Client::try_connect(server.address, "").unwrap_err();
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    assert_eq!(
        get(server.address, "/healthz").status,
        200,
        "the page is not a user"
    );
    first.send(&frame(FIN | CLOSE, &[]));
    first.expect_close(1000);
    until("the seat is free", || {
        Client::try_connect(server.address, "").is_ok()
    });
}

#[test]
fn a_handshake_that_is_never_finished_is_cut_off() {
    let server = Server::start(&["--no-market", "--handshake-time", "200ms"]);
    let request = handshake(server.address, "");
    for part in ["", &request[..request.len() / 2]] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.write_all(part.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server closes");
    }
}

#[test]
fn five_thousand_half_open_sockets_of_one_address_keep_no_user_out() {
    let server = Server::start(&["--no-market", "--handshake-time", "1h"]);
    let request = handshake(server.address, "");
    let _flood = flood(server.address, 5_000, |n| request[..n % 100].to_owned());
    Client::connect(server.address).subscribe_acknowledged("APPL");
    assert_eq!(get(server.address, "/healthz").status, 200);
    server
        .process
        .until_output("all permits for handshakes are taken");
}

/// Only Linux has a second address to come from.
#[test]
#[cfg(target_os = "linux")]
fn a_slow_handshake_is_not_evicted_for_the_flood_of_another_address() {
    let server = Server::start(&["--no-market", "--handshake-time", "1h"]);
    let request = handshake(server.address, "");
    let (begin, rest) = request.split_at(request.len() / 2);
    let mut slow = connect_from("127.0.0.2:0", server.address);
    slow.write_all(begin.as_bytes()).unwrap();
    let _flood = flood(server.address, 1_000, |_| begin.to_owned());
    // A client that is answered after the flood has seen it pass the permits.
    assert_eq!(get(server.address, "/healthz").status, 200);
    server
        .process
        .until_output("all permits for handshakes are taken");
    slow.write_all(rest.as_bytes()).unwrap();
    let mut answer = [0; 13];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101 ");
}

#[test]
fn pages_that_stay_open_keep_no_user_out() {
    let server = Server::start(&["--no-market", "--handshake-time", "1h"]);
    let request = format!("GET /stats HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let _open = flood(server.address, 600, |_| request.clone());
    Client::connect(server.address).subscribe_acknowledged("APPL");
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn a_message_far_larger_than_the_receive_buffer_is_received() {
    let server = Server::start(&["--no-market", "--max-message", "1048576"]);
    let mut user = Client::connect(server.address);
    let mut message = r#"{"type":"subscribe","stock":"APPL"}"#.to_owned();
    message.extend(std::iter::repeat_n(' ', 1_048_576 - message.len()));
    user.send_text(&message);
    assert_eq!(user.text(), r#"{"type":"subscribed","stock":"APPL"}"#);
    message.push(' ');
    user.send_text(&message);
    user.expect_close(1009);
}

#[test]
fn a_quiet_user_is_pinged_and_evicted_if_it_answers_neither_of_two_pings() {
    let server = Server::start(&["--no-market", "--ping-every", "1s"]);
    let mut alive = Client::connect(server.address);
    let alive = std::thread::spawn(move || {
        for _ in 0..4 {
            assert_eq!(alive.frame(), Some((PING, Vec::new())));
            alive.send(&frame(FIN | PONG, &[]));
        }
        alive.subscribe_acknowledged("APPL");
    });
    let mut dead = Client::connect(server.address);
    for _ in 0..2 {
        assert_eq!(dead.frame(), Some((PING, Vec::new())));
    }
    assert_eq!(dead.frame(), None, "it was evicted");
    alive.join().expect("a user who answers stays");
}

#[test]
fn a_user_who_gets_prices_gets_no_pings() {
    let flags = ["--market-every", "1ms", "--ping-every", "500ms"];
    let server = Server::start(&flags);
    let mut quiet = Client::connect(server.address);
    let mut busy = Client::connect(server.address);
    busy.subscribe_acknowledged("APPL");
    let pings = std::thread::spawn(move || {
        for _ in 0..2 {
            assert_eq!(quiet.frame(), Some((PING, Vec::new())));
        }
    });
    while !pings.is_finished() {
        let (kind, _) = busy.frame().expect("it stays");
        assert_eq!(kind, TEXT, "prices only");
    }
    pings.join().expect("the quiet one is pinged");
}

/// Takes prices for as long as it takes this many to come.
fn expect_prices(user: &mut Client, many: usize) {
    for _ in 0..many {
        let message = user.json();
        assert_eq!(message["type"], "price", "{message}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_it_logs_that_does_not_spin_and_serves_connected_users() {
    let limited = r#"ulimit -n 40; exec "$0" "$@""#;
    let server = Server::start_as(
        Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_stock-feed")])
            .args(["--listen", "127.0.0.1:0", "--max-users", "1000"])
            .args(["--market-every", "1ms"])
            .env_remove("REDIS_URL"),
    );
    server.process.until_output("start with --max-users 1");
    let mut here = Client::connect(server.address);
    here.subscribe_acknowledged("APPL");
    let crowd: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    server.process.until_output("cannot accept");
    let (cpu, clock) = (server.process.cpu_time(), Instant::now());
    expect_prices(&mut here, 100);
    let (cpu, clock) = (server.process.cpu_time() - cpu, clock.elapsed());
    assert!(
        cpu < clock / 2,
        "{cpu:?} of the processor in {clock:?}, to do next to nothing"
    );
    drop(crowd);
    server.process.until_output("accepting again");
    Client::connect(server.address).subscribe_acknowledged("WELCOME");
    let output = server.process.output();
    assert!(
        output.matches("cannot accept").count() <= 2,
        "it must not fill the log: {output}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn sigterm_ends_publish_with_its_summary_and_watch_also_as_process_1() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let feed = Server::start(&["--no-market"]);
    let page = format!("ws://{}/ws", feed.address);
    for flags in [
        &["publish", "--redis", &redis.url(), "-"][..],
        &["watch", &page, "APPL"],
    ] {
        let mut command = program();
        let Some(ended) = harness::terminated_as_process_1(command.args(flags)) else {
            return;
        };
        let output = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{flags:?}: {ended:?}");
        assert_eq!(
            output.contains("published 0 prices"),
            flags[0] == "publish",
            "{output}"
        );
    }
}
