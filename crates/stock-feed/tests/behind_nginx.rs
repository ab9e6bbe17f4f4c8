//! The page under a path, behind a real nginx.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;

use harness::{Driver, Proxy, ProxyProgram};
use support::fleet::Server;

/// What a WebSocket needs of nginx, and no more: the Host that our server sees is the upstream's name.
const DEFAULTS: &str = "
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;";

/// nginx before this server, which it serves under `/feed/`.
fn under_a_path(listen: SocketAddr, server: SocketAddr, more: &str) -> String {
    format!(
        "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
         server {{
             listen {listen};
             location /feed/ {{ proxy_pass http://{server}/; {DEFAULTS} {more} }}
         }}"
    )
}

fn nginx(server: &Server, more: &str) -> Option<Proxy> {
    Proxy::start(ProxyProgram::Nginx, |listen| {
        under_a_path(listen, server.address, more)
    })
}

#[tokio::test]
async fn the_page_works_under_a_path_of_a_proxy_that_passes_the_host_on() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let server = Server::start(&["--market-every", "5ms"]);
    // Each of these is enough: nginx's `$host` has no port, and `$http_host` has.
    for host in ["$host", "$http_host"] {
        let passed = format!("proxy_set_header Host {host};");
        let Some(nginx) = nginx(&server, &passed) else {
            return;
        };
        let page = format!("http://{}/feed/#APPL", nginx.address());
        let page = driver.open(1280, &page).await;
        page.until(
            "/^[0-9.]+$/.test(document.querySelector('[data-stock=APPL] .price').textContent)",
        )
        .await;
        page.until_says("flow-users", "1 user").await;
        page.until("document.querySelector('.top img').naturalWidth > 0")
            .await;
        assert_eq!(
            page.js("document.getElementById('status').textContent")
                .await,
            "live"
        );
        page.complains_of_nothing();
    }
}

#[tokio::test]
async fn behind_nginxs_defaults_the_page_is_refused_and_names_both_cures() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let refusing = Server::start(&["--no-market"]);
    let Some(nginx) = nginx(&refusing, "") else {
        return;
    };
    let origin = format!("http://{}", nginx.address());
    let page = driver.open(1280, &format!("{origin}/feed/#APPL")).await;
    page.until_says("status", "the server refuses this page")
        .await;
    page.until_says("refusal", "proxy_set_header Host $host;")
        .await;
    page.until_says("refusal", &format!("--allow-origin {origin}"))
        .await;
    page.until("document.title === 'refused: Stock feed'").await;
    page.complains_of_the_network_only();
    drop(page);
    drop(nginx);

    // The second of the cures.
    let allowing = Server::start(&["--no-market", "--allow-origin", &origin]);
    let address = origin.strip_prefix("http://").unwrap().parse().unwrap();
    let configuration = under_a_path(address, allowing.address, "");
    let _nginx = Proxy::start_on(ProxyProgram::Nginx, address, &configuration);
    let page = driver.open(1280, &format!("{origin}/feed/#APPL")).await;
    page.until_says("status", "live").await;
    page.complains_of_nothing();
}

#[tokio::test]
async fn a_forwarded_host_counts_where_the_proxy_is_trusted_and_nowhere_else() {
    let Some(driver) = Driver::start() else {
        return;
    };
    for (flags, status) in [
        (&["--no-market"][..], "the server refuses this page"),
        (&["--no-market", "--trust-proxy"], "live"),
    ] {
        let server = Server::start(flags);
        let forwarded = "proxy_set_header X-Forwarded-Host $http_host;";
        let Some(nginx) = nginx(&server, forwarded) else {
            return;
        };
        let page = format!("http://{}/feed/#APPL", nginx.address());
        let page = driver.open(1280, &page).await;
        page.until_says("status", status).await;
        page.complains_of_the_network_only();
    }
}
