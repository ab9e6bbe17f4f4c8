//! The terminal client, and what happens to its server.
#![cfg(unix)]

mod support;

use support::fleet::{Process, Server, program};
use support::redis_server::RedisServer;

#[test]
fn the_terminal_client_comes_back_when_its_server_does() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let mut first = Server::start(&["--redis", &redis.url()]);
    let url = format!("ws://{}", first.address);
    let watch = Process::start(program().args(["watch", &url, "APPL", "GOOG"]));
    redis.until_followed("GOOG", 1);
    redis.publish("APPL", "100.01");
    watch.until_said("APPL          100.01");
    first.process.kill();
    watch.until_said("trying again");
    let _second = Server::start_on(first.address, &["--redis", &redis.url()]);
    redis.until_followed("GOOG", 1);
    redis.publish("APPL", "100.02");
    watch.until_said("APPL  +       100.02");
}
