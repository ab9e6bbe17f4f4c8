//! The addresses that people have: a Unix socket, TLS with an authority of their own, a login.

#![cfg(all(feature = "cluster", feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use harness::{RedisServer, free_port, is_installed};
use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
};
use tempfile::TempDir;

/// Runs the demonstration over this Redis until it prints such a line; returns what it printed.
fn runs_until(says: &str, url: &str, authority: Option<&Path>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pubsub-manager"));
    command
        .args(["--redis", url, "--every", "100ms", "--rounds", "600"])
        .env_remove("SSL_CERT_FILE")
        .stdout(Stdio::piped());
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    let mut program = command.spawn().expect("cargo has built the program");
    let lines = BufReader::new(program.stdout.take().expect("it is piped")).lines();
    let mut printed = String::new();
    for line in lines.map_while(Result::ok) {
        printed += &format!("{line}\n");
        if line.contains(says) {
            break;
        }
    }
    program.kill().expect("it has not been waited for");
    program.wait().expect("it has not been waited for");
    assert!(printed.contains(says), "no {says:?} in {printed}");
    printed
}

#[test]
fn a_redis_is_reached_through_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("redis.sock").display().to_string();
    let flags = ["--unixsocket", &socket].map(str::to_owned);
    let Some(_redis) = RedisServer::start_with(&flags) else {
        return;
    };
    runs_until("live: ", &format!("unix://{socket}"), None);
}

#[test]
fn a_login_is_used_and_its_password_is_never_printed() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let acl = [
        "ACL",
        "SETUSER",
        "trader",
        "on",
        ">opensesame",
        "allchannels",
        "+@all",
    ];
    redis.run::<()>(&acl);
    let login = |password: &str| {
        let address = redis.url().replace("redis://", "");
        format!("redis://trader:{password}@{address}")
    };
    let printed = runs_until("live: ", &login("opensesame"), None);
    assert!(!printed.contains("opensesame"), "{printed}");
    let refused = runs_until("refuses us: ", &login("openbarley"), None);
    assert!(refused.contains("WRONGPASS"), "{refused}");
    assert!(!refused.contains("openbarley"), "{refused}");
}

#[test]
fn a_redis_that_has_too_many_clients_is_not_reported_as_a_closed_connection() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    // The connection that sets the limit is the one client.
    let _client = {
        let mut client = redis.connection();
        let set = redis::cmd("CONFIG")
            .arg("SET")
            .arg("maxclients")
            .arg(1)
            .exec(&mut client);
        set.expect("Redis takes its own setting");
        client
    };
    runs_until("max number of clients reached", &redis.url(), None);
}

#[test]
fn a_redis_that_knows_no_publish_is_never_called_live() {
    let flags = ["--rename-command", "PUBLISH", ""].map(str::to_owned);
    let Some(redis) = RedisServer::start_with(&flags) else {
        return;
    };
    let printed = runs_until("unknown command 'PUBLISH'", &redis.url(), None);
    assert!(!printed.contains("live: "), "{printed}");
}

#[test]
fn a_sentinel_is_named_with_the_address_of_its_master() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let (port, settings) = (free_port(), directory.path().join("sentinel.conf"));
    let master = redis.address();
    let monitor = format!(
        "sentinel monitor prices {} {} 1",
        master.ip(),
        master.port()
    );
    std::fs::write(&settings, format!("port {port}\n{monitor}\n")).unwrap();
    let mut sentinel = Command::new("redis-server")
        .arg(&settings)
        .arg("--sentinel")
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    let instead = format!("use {} (its master prices)", redis.url());
    let url = format!("redis://127.0.0.1:{port}");
    let printed = std::panic::catch_unwind(|| runs_until(&instead, &url, None));
    sentinel.kill().expect("it has not been waited for");
    sentinel.wait().expect("it has not been waited for");
    let printed = printed.expect("the Sentinel is named");
    assert!(!printed.contains("live: "), "{printed}");
}

#[test]
fn a_proxy_that_hangs_up_on_our_greeting_is_not_reported_as_no_redis() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    // As twemproxy does: it reads a command that it does not know, and closes the connection.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.read(&mut [0; 512]));
        }
    });
    let printed = runs_until("twemproxy", &url, None);
    assert!(!printed.contains("no Redis at"), "{printed}");
}

/// A cluster of one node, which serves every slot.
fn cluster_of_one(more: &[&str]) -> Option<RedisServer> {
    let bus = free_port().to_string();
    let flags = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let flags: Vec<String> = flags
        .iter()
        .chain(more)
        .map(|flag| (*flag).to_owned())
        .collect();
    let redis = RedisServer::start_with(&flags)?;
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    Some(redis)
}

#[test]
fn one_address_of_a_cluster_is_enough_and_its_password_is_used_for_every_node() {
    let Some(redis) = cluster_of_one(&[]) else {
        return;
    };
    let acl = [
        "ACL",
        "SETUSER",
        "trader",
        "on",
        ">opensesame",
        "allchannels",
        "+@all",
    ];
    redis.run::<()>(&acl);
    redis.run::<()>(&["ACL", "SETUSER", "default", "off"]);
    let login = |password: &str| {
        let url = format!("redis://trader:{password}@{}?cluster=true", redis.address());
        runs_until(
            if password == "opensesame" {
                "live: "
            } else {
                "WRONGPASS"
            },
            &url,
            None,
        )
    };
    for password in ["opensesame", "openbarley"] {
        let printed = login(password);
        assert!(!printed.contains(password), "{printed}");
    }
}

#[test]
fn a_cluster_is_reached_over_tls() {
    let Some(directory) = made_by_openssl(&SIGNED) else {
        return;
    };
    let file = |name: &str| directory.path().join(name).display().to_string();
    let port = free_port().to_string();
    let files = [file("redis.crt"), file("redis.key"), file("ca.crt")];
    let flags = [
        ["--tls-port", &port],
        ["--tls-cert-file", &files[0]],
        ["--tls-key-file", &files[1]],
        ["--tls-ca-cert-file", &files[2]],
        ["--tls-auth-clients", "no"],
        // Otherwise Redis 7.0 announces the port without TLS.
        ["--tls-cluster", "yes"],
    ];
    let Some(_redis) = cluster_of_one(&flags.concat()) else {
        return;
    };
    let url = format!("rediss://localhost:{port}?cluster=true");
    runs_until("live: ", &url, Some(&directory.path().join("ca.crt")));
}

#[test]
fn a_cluster_without_sharded_pub_sub_is_reported_as_too_old() {
    let Some(redis) = cluster_of_one(&["--rename-command", "SSUBSCRIBE", ""]) else {
        return;
    };
    let url = format!("{}?cluster=true", redis.url());
    let printed = runs_until("Redis has from version 7 on", &url, None);
    assert!(!printed.contains("live: "), "{printed}");
}

#[test]
fn a_redis_that_is_not_in_a_cluster_is_named_with_what_to_do() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let url = format!("{}?cluster=true", redis.url());
    let printed = runs_until("is not in a cluster: use its address alone", &url, None);
    assert!(!printed.contains("live: "), "{printed}");
}

#[test]
fn a_cluster_in_which_slots_have_no_master_is_named_with_what_to_do() {
    let flags = [
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &free_port().to_string(),
    ];
    let Some(redis) = RedisServer::start_with(&flags.map(str::to_owned)) else {
        return;
    };
    let url = format!("{}?cluster=true", redis.url());
    runs_until("redis-cli --cluster check", &url, None);
}

#[test]
fn one_node_of_a_cluster_by_its_address_alone_receives_what_is_published_by_publish() {
    let Some(redis) = cluster_of_one(&[]) else {
        return;
    };
    runs_until("live: ", &redis.url(), None);
}

/// A folder with what openssl makes in it; none, said plainly, if openssl is not installed.
fn made_by_openssl(lines: &[&str]) -> Option<TempDir> {
    let install = "install it (Debian and Ubuntu: apt-get install openssl)";
    if !is_installed("openssl", "version", install) {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("names"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    )
    .unwrap();
    for line in lines {
        let made = Command::new("openssl")
            .args(line.split_whitespace())
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
    Some(directory)
}

/// A Redis that shows redis.crt of this folder, and the address at which it does.
fn over_tls(directory: &TempDir, clients: &str) -> Option<(RedisServer, String)> {
    let file = |name: &str| directory.path().join(name).display().to_string();
    let port = free_port();
    let flags = [
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("redis.crt"),
        "--tls-key-file",
        &file("redis.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
        "--tls-auth-clients",
        clients,
    ]
    .map(str::to_owned);
    let redis = RedisServer::start_with(&flags)?;
    Some((redis, format!("rediss://localhost:{port}")))
}

/// An authority of one's own, and a certificate that it has signed.
const SIGNED: [&str; 3] = [
    "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 1 -subj /CN=ours",
    "req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=localhost",
    "x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -out redis.crt -days 1 -extfile names",
];

#[test]
fn a_redis_is_reached_over_tls_with_an_authority_of_ones_own() {
    let Some(directory) = made_by_openssl(&SIGNED) else {
        return;
    };
    let Some((_redis, url)) = over_tls(&directory, "no") else {
        return;
    };
    runs_until("SSL_CERT_FILE names a file", &url, None);
    runs_until("live: ", &url, Some(&directory.path().join("ca.crt")));
}

#[test]
fn a_redis_that_wants_a_certificate_of_its_clients_is_not_reported_as_no_redis() {
    let Some(directory) = made_by_openssl(&SIGNED) else {
        return;
    };
    let Some((_redis, url)) = over_tls(&directory, "yes") else {
        return;
    };
    let authority = directory.path().join("ca.crt");
    let printed = runs_until("set tls-auth-clients", &url, Some(&authority));
    assert!(!printed.contains("no Redis at"), "{printed}");
}

#[test]
fn a_certificate_that_is_an_authority_is_refused_with_the_line_that_makes_a_good_one() {
    let made = "req -x509 -newkey rsa:2048 -nodes -keyout redis.key -out redis.crt -days 1 \
                -subj /CN=localhost -addext subjectAltName=DNS:localhost";
    let Some(directory) = made_by_openssl(&[made, "x509 -in redis.crt -out ca.crt"]) else {
        return;
    };
    let authority = directory.path().join("ca.crt");
    let Some((redis, url)) = over_tls(&directory, "no") else {
        return;
    };
    let printed = runs_until("a good one is made by: ", &url, Some(&authority));
    drop(redis);
    let line = printed
        .lines()
        .find_map(|line| line.split_once("a good one is made by: openssl "))
        .and_then(|(_, rest)| rest.split_once(" ("))
        .expect("the line ends before what rustls said")
        .0;
    let Some(directory) = made_by_openssl(&[line, "x509 -in redis.crt -out ca.crt"]) else {
        return;
    };
    let Some((_redis, url)) = over_tls(&directory, "no") else {
        return;
    };
    runs_until("live: ", &url, Some(&directory.path().join("ca.crt")));
}
