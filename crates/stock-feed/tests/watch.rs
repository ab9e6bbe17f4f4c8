//! The terminal client, and what happens to its server.
#![cfg(unix)]

mod support;

use harness::{Process, RedisServer, until};
use support::fleet::{Server, program};

#[test]
fn a_page_in_place_of_a_feed_is_named_in_one_line() {
    let server = Server::start(&["--market-every", "5ms"]);
    // A page's address with something behind it is still a page's, and its feed is found.
    let url = format!("ws://{}/?x=1#APPL", server.address);
    let watch = Process::start(program().args(["watch", &url, "appl"]));
    until("a price comes", || watch.output().contains("APPL  "));
    drop(watch);

    let url = format!("ws://{}/page/main.js", server.address);
    let watch = Process::start(program().args(["watch", &url, "APPL"]));
    watch.until_output("200 OK, which is not a feed: look at the path; trying again in ");
    assert!(!watch.output().contains("import"), "{}", watch.output());
}

#[test]
fn the_terminal_client_reconnects_to_a_restarted_server() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut first = Server::start(&["--redis", &redis.url()]);
    let url = format!("ws://{}", first.address);
    let watch = Process::start(program().args(["watch", &url, "APPL", "GOOG"]));
    redis.until_subscribed("GOOG", 1);
    redis.publish("APPL", "100.01");
    watch.until_output("APPL          100.01");
    first.process.kill();
    watch.until_output("trying again");
    let _second = Server::start_on(first.address, &["--redis", &redis.url()]);
    redis.until_subscribed("GOOG", 1);
    redis.publish("APPL", "100.02");
    watch.until_output("APPL  +       100.02");
}
