//! What is said before anything is started: how much a machine needs, and what was asked wrongly.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use support::feed_load;

fn said(arguments: &str) -> (Option<i32>, String) {
    let output = feed_load(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_fleet_says_in_numbers_what_it_needs_and_what_is_short() {
    let (code, message) = said("fleet --check --servers 2 --users 4000000");
    assert_eq!(code, Some(1));
    for part in [
        "4000000 users on 2 servers need 4000320 descriptors in a server",
        "this machine is too small for it",
        "spread the users over",
        "about 32962 MiB of memory",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn a_small_fleet_fits_and_checking_starts_nothing() {
    let (code, message) = said("fleet --check --servers 2 --users 100");
    assert_eq!(code, Some(0), "{message}");
    assert!(
        message.contains("100 users on 2 servers need 420 descriptors in a server, 200 in each")
            && message.contains("one source address with 55000 ports"),
        "{message}"
    );
}

#[test]
fn a_cluster_counts_its_masters_and_their_replicas() {
    let needs = |redis: &str| {
        let (code, message) = said(&format!("fleet --check --servers 2 --users 100 {redis}"));
        assert_eq!(code, Some(0), "{message}");
        message
    };
    assert!(needs("").contains("1142 in all"), "{}", needs(""));
    let cluster = needs("--cluster 3");
    for part in [
        "on 2 servers and 6 nodes of a Redis Cluster need",
        "2152 in all",
        "about 72 MiB",
    ] {
        assert!(cluster.contains(part), "{part} is not in: {cluster}");
    }
}

#[test]
fn more_users_than_one_address_has_ports_do_not_start() {
    // A server that is not on 127.x.x.x is called from one address, whose ports are numbered with
    // 16 bits.
    let Ok(server) = std::net::TcpListener::bind("[::1]:0") else {
        return; // A machine without IPv6; the arithmetic is tested in machine.rs.
    };
    let url = format!("ws://{}/ws", server.local_addr().unwrap());
    let (code, message) = said(&format!("users --url {url} --users 66000"));
    assert_eq!(code, Some(1), "{message}");
    assert!(
        message.contains("need 66000 ports of their own"),
        "{message}"
    );
}

#[test]
fn bad_input_ends_with_code_2_and_names_what_was_wrong() {
    for (arguments, word) in [
        ("users --url http://127.0.0.1/", "ws://"),
        ("users --url ws://127.0.0.1:1/ --stocks appl", "`appl`"),
        ("limit --users 0", "--users"),
        ("limit --rate 0", "--rate"),
        ("limit --for soon", "--for"),
        ("limit --each 0", "--each"),
        ("compare --users 20000", "--users"),
        ("fleet --servers 0", "--servers"),
        ("fleet --cluster 2", "--cluster"),
        ("fleet --cluster 33", "--cluster"),
    ] {
        let (code, message) = said(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word), "{arguments:?}: {message}");
    }
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_missing() {
    let (code, message) = said("compare --server no/such/stock-feed");
    assert_eq!(code, Some(1));
    assert!(message.contains("no/such/stock-feed"), "{message}");
}

#[test]
fn a_redis_that_is_not_installed_is_named_with_the_way_to_install_it() {
    let output = feed_load("fleet --servers 1 --users 1 --server")
        .arg(env!("CARGO_BIN_EXE_feed-load"))
        .env("PATH", "")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("apt install redis-server"), "{message}");
}

#[test]
fn a_redis_that_does_not_answer_is_said_to_be_away() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", server.local_addr().unwrap());
    let absent = "redis://127.0.0.1:1/";
    let (code, message) = said(&format!("users --url {url} --redis {absent}"));
    assert_eq!(code, Some(1));
    assert!(message.contains("no Redis answers"), "{message}");
}

#[test]
fn a_server_that_does_not_answer_is_named_before_a_thousand_users_call_it() {
    let (code, message) = said("users --url ws://127.0.0.1:1/ws");
    assert_eq!(code, Some(1));
    assert!(
        message.contains("no server answers at ws://127.0.0.1:1/ws"),
        "{message}"
    );
}
