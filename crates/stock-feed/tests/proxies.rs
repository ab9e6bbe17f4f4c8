//! The configurations of nginx and HAProxy that are in this crate, run by the real programs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::client::{Client, FIN, PING, PONG, frame, get};
use support::fleet::Server;
use support::until;
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Nginx,
    Haproxy,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Whether the program is not here. In CI it has to be.
    fn is_missing(self) -> bool {
        let name = self.name();
        let mut version = Command::new(name);
        version
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if version.status().is_ok_and(|status| status.success()) {
            return false;
        }
        let notice = format!("{name} is not on the PATH, install it with apt-get install {name}");
        assert!(std::env::var_os("CI").is_none(), "{notice}");
        // libtest swallows eprintln!, and a skipped test must not look like a passed one.
        writeln!(std::io::stderr(), "skipped: {notice}").expect("stderr takes a line");
        true
    }

    /// The crate's configuration, on this port, before these servers. `hasty` shortens the time that
    /// the proxy lets a connection be quiet to two seconds.
    fn configuration(self, listen: SocketAddr, servers: &[&Server; 2], hasty: bool) -> String {
        let mut text = match self {
            Self::Nginx => include_str!("../proxies/nginx.conf"),
            Self::Haproxy => include_str!("../proxies/haproxy.cfg"),
        }
        .to_owned();
        let mut change = |from: &str, to: &str| {
            assert!(text.contains(from), "{from} is in the configuration");
            text = text.replace(from, to);
        };
        change("127.0.0.1:3000", &servers[0].address.to_string());
        change("127.0.0.1:3001", &servers[1].address.to_string());
        match self {
            Self::Nginx => change("listen 8080;", &format!("listen {listen};")),
            Self::Haproxy => change("bind :8080", &format!("bind {listen}")),
        }
        if hasty {
            match self {
                Self::Nginx => change(
                    "proxy_http_version 1.1;",
                    "proxy_http_version 1.1; proxy_read_timeout 10s;",
                ),
                Self::Haproxy => change("50s", "10s"),
            }
        }
        match self {
            // What Debian's nginx.conf has around it, kept in this test's own directory.
            Self::Nginx => {
                let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|kind| format!("{kind}_temp_path {kind};\n"))
                    .concat();
                format!(
                    "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
                     events {{ worker_connections 256; }}
                     http {{ {temporary} access_log off; {text} }}"
                )
            }
            Self::Haproxy => text,
        }
    }
}

/// A proxy that runs, and ends with this value.
#[derive(Debug)]
struct Proxy {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Proxy {
    /// Starts the proxy on a free port. One that was free a moment ago can be lost: then another is
    /// tried.
    fn start(program: Program, servers: [&Server; 2], hasty: bool) -> Self {
        let started = (0..5).find_map(|_| Self::try_start(program, &servers, hasty));
        started.expect("the proxy starts")
    }

    fn try_start(program: Program, servers: &[&Server; 2], hasty: bool) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("configuration");
        fs::write(&file, program.configuration(address, servers, hasty)).unwrap();
        let mut command = Command::new(program.name());
        match program {
            Program::Nginx => {
                command.arg("-p").arg(directory.path()).arg("-c").arg(&file);
            }
            Program::Haproxy => {
                command.arg("-f").arg(&file);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut proxy = Self {
            child,
            address,
            _directory: directory,
        };
        let mut ended = false;
        until("the proxy listens", || {
            ended = proxy.child.try_wait().unwrap().is_some();
            ended || TcpStream::connect(address).is_ok()
        });
        if ended {
            return None;
        }
        // HAProxy looks first whether the servers are well.
        until("the proxy reaches a server", || {
            get(address, "/healthz").status == 200
        });
        Some(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Killed on the spot, nginx would leave its worker behind.
        let stop = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &stop]).status();
        let _ = self.child.wait();
    }
}

/// The page's own handshake is let in, and a server that is full costs no user anything.
fn pages_and_users_are_served(program: Program) {
    if program.is_missing() {
        return;
    }
    let small = Server::start(&["--max-users", "1", "--market-every", "1ms"]);
    let large = Server::start(&["--market-every", "1ms"]);
    let proxy = Proxy::start(program, [&small, &large], false);
    let page = get(proxy.address, "/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>"), "{}", page.body);
    let own_page = format!("Origin: http://{}\r\n", proxy.address);
    let mut users: Vec<Client> = (0..6)
        .map(|_| Client::try_connect(proxy.address, &own_page).expect("it is let in"))
        .collect();
    for user in &mut users {
        assert_eq!(user.json()["type"], "status");
        user.follow("APPL");
        assert_eq!(user.json()["stock"], "APPL");
    }
    let stranger = Client::try_connect(proxy.address, "Origin: https://evil.example\r\n");
    assert_eq!(stranger.expect_err("it is refused").status, 403);
}

/// The proxy ends what is quiet for ten seconds; the server pings after two or three. Each may be late by
/// seconds on a busy machine: with less, a late ping or a late pong ended the user.
fn a_quiet_user_stays(program: Program) {
    if program.is_missing() {
        return;
    }
    let server = |ping_every| Server::start(&["--no-market", "--ping-every", ping_every]);
    let pinging = [server("2s"), server("2s")];
    let silent = [server("1h"), server("1h")];
    let proxies = [&pinging, &silent].map(|[one, two]| Proxy::start(program, [one, two], true));
    let [mut quiet, mut not_pinged] = [0, 1].map(|n| Client::connect(proxies[n].address));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(12) {
        assert_eq!(quiet.frame(), Some((PING, Vec::new())));
        quiet.send(&frame(FIN | PONG, &[]));
    }
    // Without pings the same proxy has ended it, so it was they that kept it.
    assert_eq!(not_pinged.frame(), None);
}

#[test]
fn behind_nginx_the_page_is_let_in_and_a_full_server_costs_no_user_anything() {
    pages_and_users_are_served(Program::Nginx);
}

#[test]
fn behind_haproxy_the_page_is_let_in_and_a_full_server_costs_no_user_anything() {
    pages_and_users_are_served(Program::Haproxy);
}

#[test]
fn behind_nginx_a_quiet_user_is_not_cut_off() {
    a_quiet_user_stays(Program::Nginx);
}

#[test]
fn behind_haproxy_a_quiet_user_is_not_cut_off() {
    a_quiet_user_stays(Program::Haproxy);
}
