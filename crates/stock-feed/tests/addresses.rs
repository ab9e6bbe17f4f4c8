//! `--max-users-per-address`: who is counted with whom, and when an address may have a user again.
// Only Linux has more than one loopback address to come from.
#![cfg(target_os = "linux")]

mod support;

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener};
use std::time::Duration;

use harness::{skip, until};
use socket2::SockRef;
use support::client::{
    Answer, BINARY, CLOSE, Client, FIN, PING, connect_from, frame, get, handshake, http, http_from,
};
use support::fleet::{Server, program};

const ONE: &str = "127.0.0.2:0";
const OTHER: &str = "127.0.0.3:0";

/// A server that allows each address one user.
fn server(flags: &[&str]) -> Server {
    let limited = ["--no-market", "--max-users-per-address", "1"];
    Server::start(&[&limited, flags].concat())
}

fn from(source: &str, server: SocketAddr) -> Result<Client, Answer> {
    Client::try_connect_from(source, server, "")
}

/// Connects with what a proxy would say about its client.
fn forwarded_for(client: &str, server: SocketAddr) -> Result<Client, Answer> {
    Client::try_connect(server, &format!("X-Forwarded-For: {client}\r\n"))
}

#[track_caller]
fn expect_429(refused: Result<Client, Answer>) -> Answer {
    let answer = refused.expect_err("its address has a user");
    assert_eq!(answer.status, 429, "{answer:?}");
    answer
}

#[test]
fn a_user_beyond_the_limit_of_its_address_is_answered_429_and_other_addresses_are_served() {
    let server = server(&[]);
    let mut first = from(ONE, server.address).unwrap();
    let metric = |value: u64| {
        let metrics = get(server.address, "/metrics").body;
        let line = format!("\nstock_feed_address_refusals_total {value}\n");
        assert!(metrics.contains(&line), "{metrics}");
    };
    metric(0);
    let refused = expect_429(from(ONE, server.address));
    assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    let text = "your address has reached --max-users-per-address 1 on this server";
    assert!(refused.body.starts_with(text), "{}", refused.body);
    // A page asks for the reason: it is not counted, and where it is not refused it takes no place.
    let page = handshake(server.address, "").replace("GET", "POST");
    let page = page.replace("Connection: Upgrade", "Connection: close");
    assert_eq!(http_from(ONE, server.address, &page).status, 429);
    assert_eq!(http_from(OTHER, server.address, &page).status, 426);
    from(OTHER, server.address).unwrap();
    metric(1);
    first.json();
    first.subscribe_acknowledged("APPL");
    server.process.until_output("address=127.0.0.2 most=1");
}

#[test]
fn without_the_flag_an_address_may_have_every_user() {
    let server = Server::start(&["--no-market"]);
    let users = (0..100).map(|_| from(ONE, server.address));
    let users: Vec<Client> = users.map(Result::unwrap).collect();
    assert_eq!(users.len(), 100);
}

/// The server is one thread, and a permit is dropped in the same step in which its user's connection ends: so
/// a client that has seen the end connects again at its first attempt.
#[test]
fn a_client_that_reconnects_two_hundred_times_is_refused_only_while_it_is_connected() {
    let server = server(&[]);
    for _ in 0..200 {
        let mut user = from(ONE, server.address).unwrap();
        expect_429(from(ONE, server.address));
        user.send(&frame(FIN | CLOSE, &[]));
        user.expect_close(1000);
    }
}

#[test]
fn an_address_may_have_a_user_again_however_the_one_before_has_left() {
    let server = server(&["--ping-every", "500ms", "--read-time", "300ms"]);
    // Each way returns what must be kept open until the address is free.
    type Way = fn(Client) -> Option<Client>;
    let ways: [(&str, Way); 8] = [
        ("it closed", |mut user| {
            user.send(&frame(FIN | CLOSE, &[]));
            user.expect_close(1000);
            None
        }),
        ("its socket was closed", |user| {
            drop(user);
            None
        }),
        ("its connection was reset", |user| {
            let socket = SockRef::from(&user.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
            drop(user);
            None
        }),
        ("it ended its side", |user| {
            user.stream.shutdown(Shutdown::Write).unwrap();
            Some(user)
        }),
        ("it broke the protocol", |mut user| {
            user.send(&frame(FIN | BINARY, b"x"));
            user.expect_close(1003);
            None
        }),
        ("it broke the protocol and does not close", |mut user| {
            user.send(&frame(FIN | BINARY, b"x"));
            Some(user)
        }),
        ("it answers no ping", Some),
        ("it does not read its answers", |mut user| {
            let ping = frame(FIN | PING, &[b'x'; 125]);
            // It may be evicted before it has sent them all.
            let _ = user.stream.write_all(&ping.repeat(3_000));
            Some(user)
        }),
    ];
    for (way, leave) in ways {
        // With a small buffer, so that the server notices the one that does not read.
        let user = Client::with_little_room(server.address);
        expect_429(Client::try_connect(server.address, ""));
        let kept = leave(user);
        until(way, || {
            let again = Client::try_connect(server.address, "");
            again.is_ok_and(|mut again| {
                again.send(&frame(FIN | CLOSE, &[]));
                again.expect_close(1000);
                true
            })
        });
        drop(kept);
    }
}

#[test]
fn a_handshake_that_fails_takes_no_place_of_its_address() {
    let server = server(&["--handshake-time", "300ms"]);
    let whole = handshake(server.address, "");
    let old = whole.replace("Version: 13", "Version: 8");
    let old = old.replace("Connection: Upgrade", "Connection: Upgrade, close");
    assert_eq!(http(server.address, &old).status, 400);
    assert_eq!(get(server.address, "/ws").status, 426);
    let mut half = connect_from("127.0.0.1:0", server.address);
    half.write_all(&whole.as_bytes()[..40]).unwrap();
    Client::connect(server.address).subscribe_acknowledged("APPL");
    until("the place of the user before is free", || {
        Client::try_connect(server.address, "").is_ok()
    });
    // Handshakes that are whole, and whose clients are gone before the answer.
    for _ in 0..50 {
        let mut gone = connect_from(ONE, server.address);
        gone.write_all(whole.as_bytes()).unwrap();
        let socket = SockRef::from(&gone);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    until("the places of those that are gone are free", || {
        from(ONE, server.address).is_ok()
    });
}

#[test]
fn an_untrusted_header_lets_no_client_choose_its_address() {
    let server = server(&[]);
    let _first = forwarded_for("192.0.2.1", server.address).unwrap();
    expect_429(forwarded_for("192.0.2.2", server.address));
    expect_429(Client::try_connect(server.address, ""));
    // Nor does it take another client's place.
    from(OTHER, server.address).unwrap();
}

#[test]
fn of_a_trusted_header_the_last_address_counts_ipv6_by_its_first_half() {
    let server = server(&["--trust-proxy"]);
    let mut users = Vec::new();
    for (first, same) in [
        (
            "192.0.2.7",
            &[
                "10.0.0.1, 192.0.2.7",
                "\u{e4}, 192.0.2.7",
                "::ffff:192.0.2.7",
            ][..],
        ),
        ("10.0.0.1, 192.0.2.8", &["192.0.2.8", "192.0.2.8:50312"]),
        (
            "2001:db8:1:2::1",
            &["2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff"],
        ),
        ("2001:db8:1:3::1", &["192.0.2.9, 2001:db8:1:3::1"]),
        // Of these no address is known, so they count for the proxy.
        ("unknown", &["", "192.0.2.10, unknown", "192.0.2.11,"]),
    ] {
        users.push(forwarded_for(first, server.address).expect(first));
        for same in same {
            expect_429(forwarded_for(same, server.address));
        }
    }
    expect_429(Client::try_connect(server.address, ""));
}

#[test]
fn on_a_socket_for_both_families_each_ipv4_address_is_counted_by_itself() {
    if TcpListener::bind("[::1]:0").is_err() {
        return skip(
            "this machine has no IPv6",
            "enable it for the loopback interface",
        );
    }
    let server = Server::start_as(program().args([
        "--listen",
        "[::]:0",
        "--no-market",
        "--max-users-per-address",
        "1",
    ]));
    let port = server.address.port();
    let ipv4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let _one = from(ONE, ipv4).unwrap();
    let _other = from(OTHER, ipv4).unwrap();
    expect_429(from(ONE, ipv4));
    let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let _ipv6 = Client::try_connect(ipv6, "").unwrap();
    expect_429(Client::try_connect(ipv6, ""));
}
