//! A yardstick that reports no loss must have been seen reporting one. Each server here does
//! something wrong on purpose, and the users find it out.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod script;

use feed_load::assignment::Assignment;
use feed_load::handshake;
use feed_load::protocol::{Pace, WorkerCommand};
use script::{Script, Worker, dated_now, frame_of, price};

#[test]
fn a_server_that_loses_and_doubles_prices_is_found_out() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    worker.until(|counts| counts.following == 1);
    for number in [1, 2, 2, 5, 3, 6] {
        line.price(number, "");
    }
    let counts = worker.until(|counts| counts.deliveries == 6);
    assert_eq!(
        (counts.lost, counts.doubled),
        (2, 2),
        "3 and 4 were lost, 2 and 3 came late"
    );
    assert!(counts.wrong() > 0);
}

#[test]
fn prices_reported_as_missed_are_not_lost_and_must_add_up() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    line.price(10, r#","last":true"#);
    line.price(14, r#","missed":3"#);
    let counts = worker.until(|counts| counts.deliveries == 1);
    assert_eq!((counts.joining, counts.missed), (1, 3));
    assert_eq!(counts.wrong(), 0, "{counts:?}");
    line.price(20, r#","missed":4"#);
    line.price(21, r#","missed":2"#);
    let counts = worker.until(|counts| counts.deliveries == 3);
    assert_eq!(
        (counts.lost, counts.miscounted),
        (1, 2),
        "reported one too few, then two too many"
    );
}

#[test]
fn a_price_lost_before_the_first_one_counts_once_the_way_is_known_to_be_open() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.command(&WorkerCommand::StartFromZero);
    assert_eq!(
        worker.lagging(&[2, 0]),
        1,
        "price 2 is published and has not come"
    );
    line.price(2, "");
    let counts = worker.until(|counts| counts.deliveries == 1);
    assert_eq!(counts.lost, 1, "price 1 never came");
    assert_eq!(worker.lagging(&[2, 0]), 0);
}

#[test]
fn frames_that_arrive_in_pieces_or_together_are_the_same_prices() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    let together: Vec<u8> = (2..=50)
        .flat_map(|number| frame_of(&price(number, "")))
        .collect();
    let (beginning, rest) = together.split_at(31);
    line.raw(&[&frame_of(&price(1, "")), beginning].concat());
    worker.until(|counts| counts.deliveries == 1);
    for piece in rest.chunks(97) {
        line.raw(piece);
    }
    let counts = worker.until(|counts| counts.deliveries == 50);
    assert_eq!(counts.wrong(), 0, "{counts:?}");
}

#[test]
fn a_gap_while_the_feed_is_stale_is_counted_apart() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    line.price(1, "");
    line.text(r#"{"type":"status","feed":"stale"}"#);
    line.text(r#"{"type":"status","feed":"live"}"#);
    line.price(9, "");
    let counts = worker.until(|counts| counts.deliveries == 2);
    assert_eq!(
        (counts.stale_notices, counts.missed_while_stale, counts.lost),
        (1, 7, 0)
    );
    line.text(r#"{"type":"status","feed":"stale","stock":"GOOG"}"#);
    line.price(11, "");
    let counts = worker.until(|counts| counts.deliveries == 3);
    assert_eq!(
        (counts.stale_notices, counts.missed_while_stale, counts.lost),
        (1, 7, 1),
        "that was about a stock which this user does not follow"
    );
}

#[test]
fn a_user_who_joins_a_stale_feed_counts_a_notice_for_each_of_its_stocks() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.call();
    let stale = frame_of(r#"{"type":"status","feed":"stale"}"#);
    line.raw(&[handshake::answer(), stale].concat());
    assert_eq!(line.received(), r#"{"type":"subscribe","stock":"APPL"}"#);
    line.text(r#"{"type":"subscribed","stock":"APPL"}"#);
    line.price(3, r#","last":true"#);
    line.text(r#"{"type":"status","feed":"live"}"#);
    line.price(6, "");
    let counts = worker.until(|counts| counts.deliveries == 1);
    assert_eq!(
        (counts.stale_notices, counts.missed_while_stale, counts.lost),
        (1, 2, 0)
    );
}

/// One group a minute, so that a test on a busy machine sees one interval at most.
const A_MINUTE: Pace = Pace {
    interval: 60_000_000,
    period: 1_000_000,
};

#[test]
fn a_server_that_sends_more_often_than_the_pace_is_found_out() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.start_pacing(A_MINUTE);
    let mut group = |number| {
        line.price(number, "");
        worker.until(|counts| counts.deliveries == u64::from(number));
        worker.read_pacing()
    };
    assert_eq!(group(1).too_many, 0, "it was on its way before");
    assert_eq!(group(2).too_many, 0, "an interval may have begun");
    let third = group(3);
    assert_eq!((third.groups, third.too_many), (3, 1));
    // Whether they arrive together or not, prices of one stock cannot be one group.
    let together: Vec<u8> = (4..=10)
        .flat_map(|number| frame_of(&price(number, "")))
        .collect();
    line.raw(&together);
    worker.until(|counts| counts.deliveries == 10);
    let all = worker.read_pacing();
    assert_eq!((all.groups, all.too_many), (10, 8), "{all:?}");
    assert_eq!(all.counts.wrong(), 0, "{all:?}");
}

#[test]
fn a_group_that_arrives_in_two_pieces_is_one() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.start_pacing(A_MINUTE);
    let both = [frame_of(&price(1, "")), frame_of(&price(2, ""))].concat();
    let (beginning, rest) = both.split_at(both.len() - 3);
    line.raw(beginning);
    worker.until(|counts| counts.deliveries == 1);
    line.raw(rest);
    worker.until(|counts| counts.deliveries == 2);
    assert_eq!(worker.read_pacing().groups, 1);
}

#[test]
fn a_price_that_a_server_keeps_back_is_as_old_as_the_first_one_that_was_skipped() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    line.price(1, "");
    worker.until(|counts| counts.deliveries == 1);
    // A price every ten seconds: no test is slow enough to make a fresh one look a minute old.
    worker.start_pacing(Pace {
        interval: 1_000_000,
        period: 10_000_000,
    });
    let a_minute = 60_000_000;
    line.text(&dated_now(2, ""));
    worker.until(|counts| counts.deliveries == 2);
    let fresh = worker.read_pacing().ages;
    assert_eq!(fresh.len(), 1, "{fresh:?}");
    assert!(fresh[0].0 < a_minute, "{fresh:?}");
    line.text(&dated_now(9, r#","missed":6"#));
    worker.until(|counts| counts.deliveries == 3);
    let ages = worker.read_pacing().ages;
    assert_eq!(ages.len(), 2, "{ages:?}");
    assert!(ages[1].0 >= a_minute, "{ages:?}");
    assert!(ages[1].0 < 2 * a_minute, "{ages:?}");
}

#[test]
fn a_price_of_a_stock_that_was_left_is_a_fault() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.command(&WorkerCommand::Follow(Assignment::even(1, 1, 1)));
    assert_eq!(line.received(), r#"{"type":"unsubscribe","stock":"APPL"}"#);
    assert_eq!(line.received(), r#"{"type":"subscribe","stock":"GOOG"}"#);
    line.price(1, "");
    line.text(r#"{"type":"unsubscribed","stock":"APPL"}"#);
    line.text(r#"{"type":"subscribed","stock":"GOOG"}"#);
    let counts = worker.until(|counts| counts.deliveries == 1 && counts.following == 1);
    assert_eq!(
        counts.faults, 0,
        "until it is acknowledged a price may still be on its way"
    );
    line.price(2, "");
    worker.until(|counts| counts.faults == 1);
}

#[test]
fn a_user_whose_server_dies_or_refuses_goes_to_another_one() {
    let (dying, full, good) = (Script::new(), Script::new(), Script::new());
    let mut worker = Worker::of(1, &[dying.address(), full.address()]);
    let line = dying.follower();
    worker.until(|counts| counts.connected == 1);
    let placement = worker.placement(0);
    assert_eq!(
        (placement.there, placement.unplaced, placement.elsewhere),
        (1, 0, 0)
    );
    drop((line, dying));
    let mut refused = full.call();
    refused.raw(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let counts = worker.until(|counts| counts.refused > 0);
    assert_eq!(
        (counts.connected, counts.following, counts.ended),
        (0, 0, 1)
    );
    let placement = worker.placement(0);
    assert_eq!(
        (placement.unplaced, counts.unplaced),
        (1, 1),
        "no server has accepted it"
    );
    drop((worker, refused));

    let mut worker = Worker::of(1, &[full.address(), good.address()]);
    drop(full);
    let line = good.follower();
    let counts = worker.until(|counts| counts.following == 1);
    let placement = worker.placement(0);
    assert_eq!(
        (placement.there, placement.unplaced, placement.elsewhere),
        (0, 0, 1)
    );
    assert_eq!(counts.unplaced, 0, "another server has accepted it");
    drop(line);
}

#[test]
fn a_user_who_leaves_of_its_own_accord_is_not_unplaced() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let _line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.command(&WorkerCommand::Churn(50));
    let _call = server.call();
    let counts = worker.until(|counts| counts.following == 0);
    assert_eq!(counts.unplaced, 0);
}

#[test]
fn a_ping_is_answered_with_its_own_payload() {
    let server = Script::new();
    let _worker = Worker::of(1, &[server.address()]);
    let mut line = server.follower();
    line.raw(b"\x89\x05still");
    assert_eq!(line.received(), "still");
}

#[test]
fn a_user_who_leaves_comes_again_and_follows_the_same_stock() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let _line = server.follower();
    worker.until(|counts| counts.following == 1);
    worker.command(&WorkerCommand::Churn(50));
    for _ in 0..3 {
        let _line = server.follower();
    }
}

#[test]
fn a_worker_ends_when_the_program_that_commands_it_is_gone() {
    let server = Script::new();
    let mut worker = Worker::of(1, &[server.address()]);
    let _line = server.follower();
    worker.until(|counts| counts.following == 1);
    assert!(worker.abandon().success());
}
