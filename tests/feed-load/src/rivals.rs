//! What others cost: recorded, not measured here.

/// What the bare loop took in the run in which the others were recorded: CPU seconds a million, one price at
/// a time and in bursts of twenty that leave together, and CPU microseconds a connecting user.
const LIMIT: (f64, f64, f64) = (6.6, 0.27, 19.0);

/// One server process, 15,000 users, the server on one core and the users on the other, medians
/// of three runs in November 2026 on a machine with 2 cores and 24 GiB.
///
/// The figures are in the order of the table's rows. Memory is in KiB a user, with one stock and with
/// ten. CPU time is a ratio to the bare loop of the same run, one price at a time, in bursts of twenty
/// and for a connecting user: seconds of another day would stand beside a limit of today. The memory
/// without users and the bare loop over 1,000 stocks were not recorded.
pub(crate) const RECORDED: [(&str, [Option<f64>; 7]); 5] = [
    (
        "Bun (uWebSockets)",
        figures(1.91, Some(2.54), 6.8, 0.27, 24.0),
    ),
    ("Nchan", figures(10.2, None, 8.4, 7.2, 29.0)),
    ("Node ws", figures(4.2, Some(5.3), 9.7, 9.1, 81.0)),
    ("nats-server", figures(25.0, Some(26.0), 13.1, 2.2, 125.0)),
    ("Socket.IO", figures(12.9, None, 17.5, 11.9, 174.0)),
];

const fn figures(
    kib_one: f64,
    kib_ten: Option<f64>,
    single: f64,
    burst: f64,
    connect: f64,
) -> [Option<f64>; 7] {
    [
        Some(kib_one),
        kib_ten,
        None,
        Some(single / LIMIT.0),
        Some(burst / LIMIT.1),
        None,
        Some(connect / LIMIT.2),
    ]
}
