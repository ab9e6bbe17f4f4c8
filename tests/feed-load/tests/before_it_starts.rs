//! What is said before anything is started: how much a machine needs, and what was asked wrongly.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod support;

use serde_json::Value;
use support::feed_load;

fn said(arguments: &str) -> (Option<i32>, String) {
    let output = feed_load(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn printed(arguments: &str) -> (Option<i32>, String) {
    let output = feed_load(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
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
fn conflate_says_what_fifty_thousand_users_need_before_it_starts_any() {
    let (_, message) = said("conflate --check");
    for part in [
        "50000 users on 3 servers need 16987 descriptors in a server",
        "19100 in each of 3 workers",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let (code, message) = said("conflate --check --users 100");
    assert_eq!(code, Some(0), "{message}");
    assert!(message.contains("this machine has that"), "{message}");
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
        ("conflate --users 0", "--users"),
        ("conflate --pace 99ms", "--pace"),
        ("conflate --pace 61s", "--pace"),
        ("conflate --pace soon", "write it like 500ms or 1s"),
        ("conflate --changes 0", "--changes"),
        ("conflate --pace 2s --length 5s", "--length 5s is too short"),
        ("plan --stocks 8000 --updates 50000", "--users"),
        ("plan --users 0 --stocks 8000 --updates 50000", "--users"),
        ("plan --users 9 --stocks 0 --updates 50000", "--stocks"),
        ("plan --users 9 --stocks 2 --updates 0", "--updates"),
        (
            "plan --users 9 --stocks 2 --updates 9 --each 3",
            "3 of 2 stocks",
        ),
        (
            "plan --users 9 --stocks 9 --updates 9 --deliveries-per-user 10",
            "10 prices a second where 9",
        ),
        ("plan --users 9 --stocks 9 --updates 9 --pace 0s", "--pace"),
        ("plan --users 9 --stocks 9 --updates 9 --busy 101", "--busy"),
        ("plan --users 9 --stocks 9 --updates 9 --link 0", "--link"),
        (
            "plan --users 9 --stocks 9 --updates 9 --descriptors 320",
            "--descriptors",
        ),
    ] {
        let (code, message) = said(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word), "{arguments:?}: {message}");
    }
}

fn planned(arguments: &str) -> Value {
    support::measured(&mut feed_load(&format!(
        "plan --descriptors 20000 {arguments}"
    )))
}

#[test]
fn a_plan_for_ten_million_users_says_what_one_redis_cannot_do() {
    let ten_million = "--users 10000000 --stocks 8000 --updates 50000";
    let plan = planned(ten_million);
    let number = |name: &str| plan[name].as_f64().unwrap();
    assert_eq!(number("deliveries_a_second"), 187_500_000.0);
    assert!(
        number("servers") * number("users_a_server") >= 10_000_000.0,
        "{plan:#}"
    );
    assert!(number("masters") >= 3.0, "{plan:#}");
    assert_eq!(number("redises"), 2.0 * number("masters"));
    let one = &plan["with_one_redis"];
    assert_eq!(
        (&one["place"], &one["what"]),
        (&"one Redis".into(), &"CPU, cores".into())
    );
    assert!(one["percent"].as_f64().unwrap() > 100.0, "{plan:#}");
    let limits = plan["limits"].as_array().unwrap();
    for limit in limits {
        assert!(limit["percent"].as_f64().unwrap() <= 100.0, "{plan:#}");
    }
    // One fewer of each would be busier than it may be.
    let fullest = limits[0]["percent"].as_f64().unwrap();
    assert!((60.0..=70.0).contains(&fullest), "{plan:#}");
    let (code, table) = printed(&format!("plan {ten_million}"));
    assert_eq!(code, Some(0));
    for part in [
        "10,000,000, each with 3 stocks",
        "187,500,000, 18.8 a user",
        "GiB",
        "Gbit/s",
        "With one Redis, this breaks first: one Redis (CPU, cores)",
        "In this plan, this breaks first",
        "2 cores",
        "Planned by measured",
    ] {
        assert!(table.contains(part), "{part} is not in: {table}");
    }
}

#[test]
fn a_plan_is_as_small_as_the_feed() {
    let small = planned("--users 1000 --stocks 10 --updates 10");
    for (what, count) in [("servers", 1), ("masters", 1), ("redises", 1)] {
        assert_eq!(small[what], count, "{what} in {small:#}");
    }
    assert!(small["with_one_redis"].is_null(), "{small:#}");
    let least = planned("--users 1 --stocks 1 --updates 1");
    assert_eq!(least["stocks_a_user"], 1, "{least:#}");
    // Descriptors alone: users who get next to nothing cost a server no CPU time.
    let quiet = planned("--users 1000000 --stocks 500 --updates 1 --churn 0");
    assert_eq!(quiet["servers"], 51, "{quiet:#}");
    assert_eq!(quiet["limits"][0]["what"], "file descriptors", "{quiet:#}");
    // Prices that must leave sooner than masters can send them to that many servers.
    let (code, table) = printed("plan --users 10000000 --stocks 8000 --updates 50000 --pace 5ms");
    assert_eq!(code, Some(0));
    for part in ["In this plan, this breaks: a master", "publish less often"] {
        assert!(table.contains(part), "{part} is not in: {table}");
    }
    // Fewer servers than are needed: the plan says what breaks.
    let crammed = planned("--users 100000 --stocks 500 --updates 500 --users-per-server 50000");
    assert_eq!(crammed["servers"], 2);
    let fullest = &crammed["limits"][0];
    assert!(fullest["percent"].as_f64().unwrap() > 100.0, "{crammed:#}");
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
