//! What others cost: recorded, not measured here.

/// One server process, 15,000 users, the server on one core and the users on the other, medians
/// of three runs in November 2026 on a machine with 2 cores and 24 GiB. Another machine gives
/// other seconds: what carries over is each one's ratio to the bare loop in the same run, which
/// took 6.6, 0.27 (with frames that leave together) and 19 µs.
///
/// The figures are in the order of the table's rows: KiB a user with one stock and with ten, CPU
/// seconds a million deliveries one price at a time, in bursts of twenty and over 1,000 stocks of 15
/// users, and CPU microseconds a connecting user. The memory without users was not recorded.
pub(crate) const RECORDED: [(&str, [Option<f64>; 7]); 5] = [
    (
        "Bun (uWebSockets)",
        figures(1.91, Some(2.54), 6.8, 0.27, 6.0, 24.0),
    ),
    ("Nchan", figures(10.2, None, 8.4, 7.2, 9.7, 29.0)),
    ("Node ws", figures(4.2, Some(5.3), 9.7, 9.1, 12.3, 81.0)),
    (
        "nats-server",
        figures(25.0, Some(26.0), 13.1, 2.2, 10.7, 125.0),
    ),
    ("Socket.IO", figures(12.9, None, 17.5, 11.9, 24.0, 174.0)),
];

const fn figures(
    kib_one: f64,
    kib_ten: Option<f64>,
    single: f64,
    burst: f64,
    spread: f64,
    connect: f64,
) -> [Option<f64>; 7] {
    [
        Some(kib_one),
        kib_ten,
        None,
        Some(single),
        Some(burst),
        Some(spread),
        Some(connect),
    ]
}
