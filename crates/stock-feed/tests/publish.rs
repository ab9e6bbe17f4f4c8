//! Prices from a file, or from another program, on their way to a Redis.
#![cfg(unix)]

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::{Process, RedisServer, until};
use support::client::Client;
use support::fleet::{Server, program};

/// `stock-feed publish` with these flags, reading what the test has it hear.
fn publish(redis: &RedisServer, flags: &[&str]) -> Process {
    Process::start(
        program()
            .args(["publish", "--redis", &redis.url()])
            .args(flags)
            .arg("-")
            .stdin(Stdio::piped()),
    )
}

#[test]
fn a_file_of_prices_is_published_and_its_invalid_lines_are_named() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    let file = std::env::temp_dir().join(format!("stock-feed-{}.csv", std::process::id()));
    std::fs::write(
        &file,
        "date,symbol,price\n2000-01-01,APPL,25.94\n2000-01-02,APPL,1x3\n2000-01-03,APPL,26.00\n",
    )
    .unwrap();
    let publish = |flags: &[&str]| {
        let mut publish = program();
        publish
            .args(["publish", "--rate", "0", "--redis", &redis.url()])
            .args(flags)
            .arg(&file);
        let output = publish.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, stderr) = publish(&["--strict"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("line 3: \"1x3\" is not a price")
            && stderr.contains("nothing was published: 1 bad line, and --strict"),
        "{stderr}"
    );
    let (code, stderr) = publish(&[]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("line 3: \"1x3\" is not a price"),
        "the line that is skipped is named: {stderr}"
    );
    assert!(
        stderr.contains("published 2 prices of 1 stock in")
            && stderr.contains("; 1 bad line skipped"),
        "{stderr}"
    );
    assert_eq!(
        user.json()["price"],
        "25.94",
        "the strict run had published nothing"
    );
    assert_eq!(user.json()["price"], "26.00");
}

/// Publishes a text, and returns the exit code and the standard error.
fn published(redis: &RedisServer, flags: &[&str], text: &[u8]) -> (Option<i32>, String) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(&file, text).expect("it can be written");
    let output = program()
        .args(["publish", "--rate", "0", "--redis", &redis.url()])
        .args(flags)
        .arg(file.path())
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("it writes UTF-8");
    (output.status.code(), stderr)
}

#[test]
fn files_as_people_download_them_are_published() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("AAPL");
    redis.until_subscribed("AAPL", 1);
    for (flags, text, price) in [
        (
            &[][..],
            "Symbol,Date,Price\r\nAAPL,2026-03-28,172.50\r\n",
            "172.50",
        ),
        (
            &["--stock", "AAPL"],
            "Date,Price\n2018-06-01,65.81\n",
            "65.81",
        ),
        (
            &["--stock", "AAPL"],
            "Date,Open,Close\n2018-06-01,1,171.46099999999998\n",
            "171.46099999999998",
        ),
        (&[], "\u{feff}Ticker;Close\nAAPL;1e-05\n", "0.00001"),
        (&[], "\"Jan 1, 2000\",AAPL,\"4,769.83\"\n", "4769.83"),
        (&[], "AAPL\t-36.98\n", "-36.98"),
    ] {
        let (code, stderr) = published(&redis, flags, text.as_bytes());
        assert_eq!(code, Some(0), "{text:?}: {stderr}");
        assert_eq!(user.json()["price"], price, "{text:?}: {stderr}");
    }
    let long = b"stock,price\nAAPL,0.1000000014901161193847656\n";
    let (_, stderr) = published(&redis, &[], long);
    assert!(
        stderr.contains("; 1 price rounded to 15 decimals"),
        "{stderr}"
    );
    assert_eq!(user.json()["price"], "0.100000001490116");
}

#[test]
fn a_file_that_cannot_be_read_in_one_way_publishes_nothing_and_ends_with_code_2() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let utf16: Vec<u8> = "\u{feff}AAPL,1\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (flags, text, says) in [
        (
            &[][..],
            &b"Date,Price\n2018-06-01,65.81\n"[..],
            "--stock AAPL",
        ),
        (&[], b"2018-06-01,65.81\n", "--stock AAPL"),
        (&[], b"20180601,65.81\n", "DATE,PRICE or as STOCK,PRICE"),
        (&[], b"A,B,1\n", "DATE,STOCK,PRICE or as STOCK,DATE,PRICE"),
        (&["--stock", "AAPL"], b"AAPL,1\n", "leave --stock out"),
        (&[], &utf16, "UTF-16"),
        (&[], b"", "there is no price in"),
        (&[], b"stock,price\n", "there is no price in"),
        (&[], b"stock,price\nAAPL,x\n", "there is no price in"),
    ] {
        let (code, stderr) = published(&redis, flags, text);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
        assert!(!stderr.contains("published 1"), "{stderr}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_invalid_input() {
    let folder = tempfile::tempdir().unwrap();
    for file in [folder.path().join("missing.csv"), folder.path().to_owned()] {
        let mut command = program();
        command
            .args(["publish", "--redis", "redis://127.0.0.1:1"])
            .arg(&file);
        let mut process = Process::start(&mut command);
        assert_eq!(process.wait().code(), Some(2), "{}", file.display());
        process.until_output(&format!("cannot read {}", file.display()));
    }
}

#[test]
fn ten_thousand_invalid_lines_are_not_ten_thousand_lines_on_the_terminal() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let text = "AAPL,1\n".to_owned() + &"AAPL,x\n".repeat(10_000);
    let (code, stderr) = published(&redis, &[], text.as_bytes());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("; 10,000 bad lines skipped"), "{stderr}");
    assert!(stderr.lines().count() < 30, "{stderr}");
}

#[test]
fn lines_from_another_program_are_published_without_waiting_for_more() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    for rate in ["0", "1000"] {
        let mut publish = publish(&redis, &["--rate", rate]);
        for (text, price) in [
            ("APPL,1\n", "1"),
            ("APPL,2\n\n", "2"),
            ("APPL,3\nAPPL,", "3"),
            ("4\nnonsense\n", "4"),
        ] {
            publish.write(text);
            assert_eq!(user.json()["price"], price, "while the input is still open");
        }
        publish.until_output("standard input, line 6: \"nonsense\"");
        publish.write("APPL,5");
        publish.close_input();
        assert_eq!(user.json()["price"], "5");
        assert_eq!(publish.wait().code(), Some(0));
        publish.until_output("published 5 prices of 1 stock");
    }
}

#[test]
fn ctrl_c_ends_it_while_it_waits_for_input() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    let mut publish = publish(&redis, &[]);
    publish.write("APPL,1\n");
    assert_eq!(user.json()["price"], "1");
    publish.signal("INT");
    assert_eq!(publish.wait().code(), Some(0));
    publish.until_output("published 1 price of 1 stock");
}

#[test]
fn after_a_connection_that_redis_has_closed_publishing_goes_on_with_a_new_one() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &[]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("APPL", 1);
    let mut publish = publish(&redis, &[]);
    publish.write("APPL,1\n");
    assert_eq!(user.json()["price"], "1");
    // What its `timeout` does to a connection that was idle.
    let _: u64 = redis.run(&["CLIENT", "KILL", "TYPE", "normal"]);
    publish.write("APPL,2\n");
    assert_eq!(user.json()["price"], "2");
    publish.close_input();
    assert_eq!(publish.wait().code(), Some(0));
    publish.until_output("published 2 prices of 1 stock");
    publish.until_output("1 price may have come twice");
}

#[test]
fn after_a_restart_of_redis_every_price_is_published() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let mut publish = publish(&redis, &[]);
    publish.write("APPL,1\n");
    let published = || -> String { redis.run(&["INFO", "commandstats"]) };
    until("the first price is there", || {
        published().contains("cmdstat_publish")
    });
    redis.kill_9();
    publish.write("APPL,2\n");
    publish.until_output("sending again");
    redis.restart();
    publish.close_input();
    assert_eq!(publish.wait().code(), Some(0));
    publish.until_output("published 2 prices of 1 stock");
    let published: String = redis.run(&["INFO", "commandstats"]);
    assert!(
        published.contains("cmdstat_publish:calls=1,"),
        "{published}"
    );
}

#[test]
fn a_redis_that_was_never_there_ends_it_with_code_1() {
    let mut command = program();
    command.args(["publish", "--redis", "redis://127.0.0.1:1", "-"]);
    let mut publish = Process::start(command.stdin(Stdio::piped()));
    publish.write("APPL,1\n");
    assert_eq!(publish.wait().code(), Some(1));
    publish.until_output("stopped after 0 prices");
}

#[test]
fn a_market_that_cannot_publish_logs_it_once_and_logs_when_it_can_again() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let server = Server::start(&["--redis", &redis.url(), "--market", "--market-every", "5ms"]);
    until("a price was published", || {
        let stats: String = redis.run(&["INFO", "commandstats"]);
        stats.contains("cmdstat_publish")
    });
    redis.kill_9();
    server.process.until_output("the market cannot publish");
    redis.restart();
    server.process.until_output("the market publishes again");
    assert_eq!(server.process.output().matches("cannot publish").count(), 1);
}

#[test]
fn prices_leave_at_the_rate_that_was_asked_for() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let began = Instant::now();
    let mut publish = publish(&redis, &["--rate", "20"]);
    publish.write(&"APPL,1\n".repeat(11));
    publish.close_input();
    assert_eq!(publish.wait().code(), Some(0));
    publish.until_output("published 11 prices");
    assert!(began.elapsed() >= Duration::from_millis(500));
}

#[test]
fn a_prefix_is_added_to_the_channel_of_each_price() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let server = Server::behind(&redis, &["--channel-prefix", "red:"]);
    let mut user = Client::connect(server.address);
    user.subscribe_acknowledged("APPL");
    redis.until_subscribed("red:APPL", 1);
    for (flags, price) in [(&[][..], "1"), (&["--channel-prefix", "red:"], "2")] {
        let mut publish = publish(&redis, flags);
        publish.write(&format!("APPL,{price}\n"));
        publish.close_input();
        assert_eq!(publish.wait().code(), Some(0));
    }
    assert_eq!(user.json()["price"], "2", "the other one had no prefix");
}

#[test]
fn a_rate_that_no_clock_can_keep_ends_with_code_two_and_what_to_write_instead() {
    for rate in ["1e-300", "1e-18", "-1", "fast"] {
        let rate = format!("--rate={rate}");
        let flags = ["publish", "--redis", "redis://127.0.0.1:1", &rate, "-"];
        let mut publish = Process::start(program().args(flags));
        assert_eq!(publish.wait().code(), Some(2), "{rate}");
        publish.until_output("0.001 or more, or 0 for no limit");
    }
}
