//! What others cost: recorded, not measured here.

/// One rival's figures, where it has them.
#[derive(Clone, Copy, Debug)]
pub struct Rival {
    /// Its name.
    pub name: &'static str,
    /// KiB a user with one stock.
    pub kib_one: Option<f64>,
    /// KiB a user with ten stocks.
    pub kib_ten: Option<f64>,
    /// CPU seconds per million deliveries, one price at a time.
    pub single: Option<f64>,
    /// The same, twenty prices in one burst.
    pub burst: Option<f64>,
    /// The same, 1,000 stocks of 15 users.
    pub spread: Option<f64>,
    /// Microseconds of CPU for each connecting user.
    pub connect: Option<f64>,
}

/// One server process, 15,000 users, the server on one core and the users on the other, medians
/// of three runs in November 2026 on a machine with 2 cores and 24 GiB. Another machine gives
/// other seconds: what carries over is each one's ratio to the bare loop in the same run, which
/// took 6.6, 0.27 (with frames that leave together) and 19 µs.
pub const RECORDED: [Rival; 5] = [
    rival("Bun (uWebSockets)", 1.91, 2.54, 6.8, 0.27, 6.0, 24.0),
    Rival {
        kib_ten: None,
        ..rival("Nchan", 10.2, 0.0, 8.4, 7.2, 9.7, 29.0)
    },
    rival("Node ws", 4.2, 5.3, 9.7, 9.1, 12.3, 81.0),
    rival("nats-server", 25.0, 26.0, 13.1, 2.2, 10.7, 125.0),
    Rival {
        kib_ten: None,
        ..rival("Socket.IO", 12.9, 0.0, 17.5, 11.9, 24.0, 174.0)
    },
];

const fn rival(
    name: &'static str,
    kib_one: f64,
    kib_ten: f64,
    single: f64,
    burst: f64,
    spread: f64,
    connect: f64,
) -> Rival {
    Rival {
        name,
        kib_one: Some(kib_one),
        kib_ten: Some(kib_ten),
        single: Some(single),
        burst: Some(burst),
        spread: Some(spread),
        connect: Some(connect),
    }
}
