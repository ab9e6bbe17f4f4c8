//! A user that does not read while prices pour in: bounded, told what it missed, nobody's problem.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use harness::{TIMEOUT, until};
use support::client::{Client, stats};
use support::house::house_with;

/// What the process holds in memory, in bytes.
#[cfg(target_os = "linux")]
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("Linux says it");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    kib * 1024
}

/// Reads prices until the newest, telling of each, and checks that what is missing was counted;
/// says how many those were.
fn read_until(user: &mut Client, newest: u64, mut tell: impl FnMut(u64)) -> u64 {
    let (mut before, mut missed_in_all) = (None, 0);
    loop {
        let message = user.json();
        let price: u64 = message["price"]
            .as_str()
            .and_then(|price| price.parse().ok())
            .expect("a price");
        let missed = message["missed"].as_u64().unwrap_or(0);
        let expected = before.map_or(missed, |before: u64| before + 1 + missed);
        assert_eq!(price, expected, "each gap is told: {message}");
        before = Some(price);
        missed_in_all += missed;
        tell(price);
        if price == newest {
            return missed_in_all;
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_user_who_does_not_read_skips_to_the_newest_or_is_evicted_and_slows_no_other() {
    const PRICES: u64 = 100_000;
    /// As many as the relay takes in one round, so that none is missed before it was relayed.
    const ROUND: u64 = 64;
    let house = house_with(|options| options.read_time = Duration::from_secs(5));
    let mut reads = Client::connect(house.server);
    let mut pauses = Client::connect(house.server);
    let mut never: Vec<Client> = (0..20).map(|_| Client::connect(house.server)).collect();
    for user in never.iter_mut().chain([&mut reads, &mut pauses]) {
        user.follow("FLOOD");
    }
    house.until_followed("FLOOD");
    let before = memory();
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let missed = read_until(&mut reads, PRICES - 1, |price| {
            if price % ROUND == ROUND - 1 {
                tell.send(price).expect("somebody publishes");
            }
        });
        (reads, missed)
    });
    for n in 0..PRICES {
        house.publish("FLOOD", &n.to_string());
        if n % ROUND == ROUND - 1 {
            assert_eq!(
                told.recv_timeout(TIMEOUT),
                Ok(n),
                "a user that reads is not held up by those who do not"
            );
        }
    }
    let (mut reads, missed) = reader.join().expect("a user that reads has it all");
    assert_eq!(missed, 0, "and misses nothing");
    let grown = memory().saturating_sub(before);
    assert!(
        grown < 32 << 20,
        "{grown} bytes more for twenty users that do not read"
    );
    let missed = read_until(&mut pauses, PRICES - 1, |_| ());
    let kept = PRICES - missed;
    assert!(
        kept < 8_000,
        "the kernel kept {kept} old prices, where a small buffer holds some 3,400"
    );
    until("those who never read are given up", || {
        stats(house.server)["evicted"] == 20
    });
    until("they have left", || stats(house.server)["users"] == 2);
    reads.follow("STILL-SERVED");
}
