//! A user that does not read while many prices come costs bounded memory, is sent how many it missed, and
//! slows no other user.

mod support;

use std::sync::mpsc;
use std::time::Duration;

use harness::TIMEOUT;
use support::client::Client;
use support::fixture::fixture_with;

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

/// Reads prices until `newest`, and calls `on_price` with each. Fails if a price is missing that no message
/// reported as missed; returns how many were missed.
fn read_until(user: &mut Client, newest: u64, mut on_price: impl FnMut(u64)) -> u64 {
    let (mut before, mut missed_in_all) = (None, 0);
    loop {
        let message = user.json();
        let price: u64 = message["price"]
            .as_str()
            .and_then(|price| price.parse().ok())
            .expect("a price");
        let missed = message["missed"].as_u64().unwrap_or(0);
        let expected = before.map_or(missed, |before: u64| before + 1 + missed);
        assert_eq!(price, expected, "each gap is counted as missed: {message}");
        before = Some(price);
        missed_in_all += missed;
        on_price(price);
        if price == newest {
            return missed_in_all;
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_user_who_does_not_read_costs_bounded_memory_slows_no_other_and_skips_to_the_newest() {
    const PRICES: u64 = 100_000;
    /// As many as the relay takes in one round, so that none is missed before it was relayed.
    const ROUND: u64 = 64;
    // Longer than any machine takes for so many prices, so that no user is evicted: tests/eviction.rs is about that.
    let fixture = fixture_with(|options| options.read_time = Duration::from_secs(600));
    let mut reads = Client::connect(fixture.server);
    let mut pauses = Client::connect(fixture.server);
    let mut never: Vec<Client> = (0..20).map(|_| Client::connect(fixture.server)).collect();
    for user in never.iter_mut().chain([&mut reads, &mut pauses]) {
        user.subscribe_acknowledged("FLOOD");
    }
    fixture.until_subscribed_to("FLOOD");
    let before = memory();
    let (sender, received) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        read_until(&mut reads, PRICES - 1, |price| {
            if price % ROUND == ROUND - 1 {
                sender.send(price).expect("the test still publishes");
            }
        })
    });
    for n in 0..PRICES {
        fixture.publish("FLOOD", &n.to_string());
        if n % ROUND == ROUND - 1 {
            assert_eq!(
                received.recv_timeout(TIMEOUT),
                Ok(n),
                "a user that reads does not wait for users that do not"
            );
        }
    }
    let missed = reader.join().expect("a user that reads has it all");
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
}
