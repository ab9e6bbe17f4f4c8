//! The configurations of nginx and HAProxy that are in this crate, run by the real programs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{Proxy, ProxyProgram, until};
use support::client::{Client, FIN, PING, PONG, frame, get};
use support::fleet::Server;

/// The crate's configuration before these servers. `hasty` shortens the time that the proxy lets a
/// connection be quiet to ten seconds.
fn before(program: ProxyProgram, servers: [&Server; 2], hasty: bool) -> Option<Proxy> {
    let configuration = |listen: SocketAddr| {
        let [one, two] = servers.map(|server| server.address.to_string());
        let listens = match program {
            ProxyProgram::Nginx => ["listen 8080;", &format!("listen {listen};")],
            ProxyProgram::Haproxy => ["bind :8080", &format!("bind {listen}")],
        };
        let quiet = match program {
            ProxyProgram::Nginx => ["listen ", "proxy_read_timeout 10s; listen "],
            ProxyProgram::Haproxy => ["50s", "10s"],
        };
        let text = match program {
            ProxyProgram::Nginx => include_str!("../proxies/nginx.conf"),
            ProxyProgram::Haproxy => include_str!("../proxies/haproxy.cfg"),
        };
        let changes = [["127.0.0.1:3000", &one], ["127.0.0.1:3001", &two], listens];
        let changes = changes.into_iter().chain(hasty.then_some(quiet));
        changes.fold(text.to_owned(), |text, [from, to]| {
            assert!(text.contains(from), "{from} is in the configuration");
            text.replace(from, to)
        })
    };
    let proxy = Proxy::start(program, configuration)?;
    // HAProxy looks first whether the servers are well.
    until("the proxy reaches a server", || {
        get(proxy.address(), "/healthz").status == 200
    });
    Some(proxy)
}

/// The page's own handshake is let in, and a server that is full costs no user anything.
fn pages_and_users_are_served(program: ProxyProgram) {
    let small = Server::start(&["--max-users", "1", "--market-every", "1ms"]);
    let large = Server::start(&["--market-every", "1ms"]);
    let Some(proxy) = before(program, [&small, &large], false) else {
        return;
    };
    let page = get(proxy.address(), "/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>"), "{}", page.body);
    let own_page = format!("Origin: http://{}\r\n", proxy.address());
    let mut users: Vec<Client> = (0..6)
        .map(|_| Client::try_connect(proxy.address(), &own_page).expect("it is let in"))
        .collect();
    for user in &mut users {
        assert_eq!(user.json()["type"], "status");
        user.subscribe_acknowledged("APPL");
        assert_eq!(user.json()["stock"], "APPL");
    }
    let stranger = Client::try_connect(proxy.address(), "Origin: https://evil.example\r\n");
    assert_eq!(stranger.expect_err("it is refused").status, 403);
}

/// The proxy ends what is quiet for ten seconds; the server pings after two or three. Each may be late by
/// seconds on a busy machine: with less, a late ping or a late pong ended the user.
fn a_quiet_user_stays(program: ProxyProgram) {
    let server = |ping_every| Server::start(&["--no-market", "--ping-every", ping_every]);
    let pinging = [server("2s"), server("2s")];
    let silent = [server("1h"), server("1h")];
    let proxies = [&pinging, &silent].map(|[one, two]| before(program, [one, two], true));
    let [Some(pinging), Some(silent)] = proxies else {
        return;
    };
    let [mut quiet, mut not_pinged] =
        [&pinging, &silent].map(|proxy| Client::connect(proxy.address()));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(12) {
        assert_eq!(quiet.frame(), Some((PING, Vec::new())));
        quiet.send(&frame(FIN | PONG, &[]));
    }
    // Without pings the same proxy has ended it, so it was they that kept it.
    assert_eq!(not_pinged.frame(), None);
}

/// Each client of the proxy has a limit of its own, and the header that a client makes up is not its address.
#[cfg(target_os = "linux")]
fn each_client_is_limited_by_its_own_address(program: ProxyProgram) {
    let flags = ["--no-market", "--max-users-per-address", "1"];
    let server = Server::start(&[&flags[..], &["--trust-proxy"]].concat());
    // Twice the same server: with two, the proxy could send the second user to the other one.
    let Some(proxy) = before(program, [&server, &server], false) else {
        return;
    };
    let connect = |source, more| Client::try_connect_from(source, proxy.address(), more);
    let _one = connect("127.0.0.2:0", "").unwrap();
    for made_up in [
        "",
        "X-Forwarded-For: 192.0.2.1\r\n",
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
        "X-Forwarded-For: \u{e4}\r\n",
        "X-Forwarded-For: 192.0.2.1,\r\n",
        "x_forwarded_for: 192.0.2.1\r\n",
        "Forwarded: for=192.0.2.1\r\n",
    ] {
        let refused = connect("127.0.0.2:0", made_up).expect_err(made_up);
        // A proxy that retries a 503 elsewhere passes a 429 on to its client.
        assert_eq!(refused.status, 429, "{made_up}{refused:?}");
        assert!(refused.head.contains("retry-after: 5"), "{}", refused.head);
    }
    let _other = connect("127.0.0.3:0", "").unwrap();

    let untrusting = Server::start(&flags);
    untrusting
        .process
        .until_output("all users of a proxy on this machine count as one address");
    let Some(proxy) = before(program, [&untrusting, &untrusting], false) else {
        return;
    };
    let _any = Client::try_connect_from("127.0.0.2:0", proxy.address(), "").unwrap();
    let next = Client::try_connect_from("127.0.0.3:0", proxy.address(), "");
    assert_eq!(next.expect_err("both are the proxy's address").status, 429);
}

#[test]
#[cfg(target_os = "linux")]
fn behind_nginx_each_client_is_limited_by_its_own_address_and_cannot_choose_it() {
    each_client_is_limited_by_its_own_address(ProxyProgram::Nginx);
}

#[test]
#[cfg(target_os = "linux")]
fn behind_haproxy_each_client_is_limited_by_its_own_address_and_cannot_choose_it() {
    each_client_is_limited_by_its_own_address(ProxyProgram::Haproxy);
}

#[test]
fn behind_nginx_the_page_is_let_in_and_a_full_server_costs_no_user_anything() {
    pages_and_users_are_served(ProxyProgram::Nginx);
}

#[test]
fn behind_haproxy_the_page_is_let_in_and_a_full_server_costs_no_user_anything() {
    pages_and_users_are_served(ProxyProgram::Haproxy);
}

#[test]
fn behind_nginx_a_quiet_user_is_not_cut_off() {
    a_quiet_user_stays(ProxyProgram::Nginx);
}

#[test]
fn behind_haproxy_a_quiet_user_is_not_cut_off() {
    a_quiet_user_stays(ProxyProgram::Haproxy);
}
