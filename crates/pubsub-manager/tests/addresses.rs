//! The addresses that people have: a Unix socket, TLS with an authority of their own, a login.

#![cfg(feature = "tls")]

#[allow(dead_code, reason = "the crate's own tests use the rest")]
#[path = "support/redis_server.rs"]
mod redis_server;

use redis_server::{RedisServer, free_port};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

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
fn a_redis_is_reached_over_tls_with_an_authority_of_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    if Command::new("openssl").arg("version").output().is_err() {
        let notice =
            "openssl is not on the PATH: install it (Debian and Ubuntu: apt install openssl)";
        assert!(std::env::var_os("CI").is_none(), "{notice}");
        writeln!(std::io::stderr(), "SKIPPED: {notice}").expect("stderr takes a line");
        return;
    }
    let openssl = |line: &str| {
        let made = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 1 -subj /CN=ours");
    openssl("req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=localhost");
    std::fs::write(file("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    openssl(
        "x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -out redis.crt -days 1 -extfile names",
    );

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
        "no",
    ]
    .map(str::to_owned);
    let Some(_redis) = RedisServer::start_with(&flags) else {
        return;
    };
    let url = format!("rediss://localhost:{port}");
    runs_until("invalid peer certificate", &url, None);
    runs_until("live: ", &url, Some(Path::new(&file("ca.crt"))));
}
