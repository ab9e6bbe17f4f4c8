//! Tables for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::compare::{Comparison, Pair};
use crate::fleet::FleetReport;
use crate::flood::Flood;
use crate::latency::Percentiles;
use crate::rivals::{RECORDED, Rival};
use crate::users::Seen;

/// The table of `users` and `limit`.
pub fn seen(seen: &Seen) -> String {
    let (connecting, prices) = (&seen.connecting, &seen.prices);
    let unknown = || "unknown".to_owned();
    let mut rows = vec![
        row("server", &seen.server),
        row(
            "users",
            &format!("{} with {} each", seen.users, stocks(seen.stocks_a_user)),
        ),
        row(
            "connected in",
            &format!(
                "{:.2} s, {:.0} users a second",
                connecting.seconds, connecting.users_a_second
            ),
        ),
        row(
            "server CPU a user",
            &connecting
                .server_cpu_micros_a_user
                .map_or_else(unknown, |cpu| format!("{cpu:.1} µs to connect and follow")),
        ),
        row(
            "server memory a user",
            &connecting
                .server_kib_a_user
                .zip(connecting.server_empty_mib)
                .map_or_else(unknown, |(user, empty)| {
                    format!("{user:.2} KiB (before: {empty:.1} MiB)")
                }),
        ),
        row(
            "deliveries",
            &format!(
                "{} in {:.1} s, {:.0} a second",
                prices.counts.deliveries, prices.seconds, prices.deliveries_a_second
            ),
        ),
        row(
            "server CPU",
            &prices
                .server_cpu_seconds_a_million
                .map_or_else(unknown, |cpu| format!("{cpu:.2} s per million deliveries")),
        ),
    ];
    if let Some(latency) = &seen.latency_ms {
        rows.push(row("latency", &percentiles(latency)));
    }
    match prices.published {
        Some(published) => rows.extend([
            row("published", &published.to_string()),
            row("missed, as told", &prices.counts.missed.to_string()),
            row("lost", &prices.counts.lost.to_string()),
            row("doubled", &prices.counts.doubled.to_string()),
            row(
                "missed, told wrongly",
                &prices.counts.miscounted.to_string(),
            ),
            row(
                "missed while stale",
                &prices.counts.missed_while_stale.to_string(),
            ),
            row(
                "without the newest",
                &prices.without_newest.unwrap_or(0).to_string(),
            ),
        ]),
        None => rows.push(row(
            "missed, as told",
            &format!(
                "{} (lost and doubled are counted with --redis alone)",
                prices.counts.missed
            ),
        )),
    }
    let counts = &prices.counts;
    rows.push(row("told stale", &counts.told_stale.to_string()));
    if counts.refused + counts.ended + counts.faults > 0 {
        rows.push(row(
            "trouble",
            &format!(
                "{} refused, {} ended by the server, {} faults",
                counts.refused, counts.ended, counts.faults
            ),
        ));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    table.trim_fmt()
}

/// The table of `compare`.
pub fn comparison(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let mut header = vec![
        "".to_owned(),
        "goal".into(),
        "ours".into(),
        "limit".into(),
        "ours / limit".into(),
    ];
    header.extend(RECORDED.iter().map(|rival| format!("{}*", rival.name)));
    table.set_header(header);
    for line in lines(comparison) {
        table.add_row(line.cells());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!(
        "{} users; both servers side by side, in turns; medians of {} run{}\n\n{}\n\n\
         limit: a bare loop that writes the same frames to as many sockets, in this run\n\
         * recorded with 15,000 users on a machine with 2 cores, not in this run\n",
        comparison.users,
        comparison.runs,
        if comparison.runs == 1 { "" } else { "s" },
        table.trim_fmt()
    );
    if let Some(flood) = &comparison.flood {
        text.push_str(&format!("\n{}\n", self::flood(flood)));
    }
    text
}

/// One figure of the comparison.
struct Line<'a> {
    what: &'a str,
    goal: &'a str,
    pair: &'a Pair,
    digits: usize,
    recorded: fn(&Rival) -> Option<f64>,
}

fn lines(comparison: &Comparison) -> [Line<'_>; 7] {
    [
        Line {
            what: "memory, KiB a user with 1 stock",
            goal: "1.3",
            pair: &comparison.kib_one,
            digits: 2,
            recorded: |rival| rival.kib_one,
        },
        Line {
            what: "memory, KiB a user with 10 stocks",
            goal: "1.7",
            pair: &comparison.kib_ten,
            digits: 2,
            recorded: |rival| rival.kib_ten,
        },
        Line {
            what: "memory, MiB without users",
            goal: "8",
            pair: &comparison.empty_mib,
            digits: 1,
            recorded: |_| None,
        },
        Line {
            what: "CPU s a million, one price at a time",
            goal: "1.05 x limit",
            pair: &comparison.single,
            digits: 2,
            recorded: |rival| rival.single,
        },
        Line {
            what: "CPU s a million, 20 prices in a burst",
            goal: "1.2 x limit",
            pair: &comparison.burst,
            digits: 2,
            recorded: |rival| rival.burst,
        },
        Line {
            what: "CPU s a million, 1,000 stocks of 15 users",
            goal: "1.15 x limit",
            pair: &comparison.spread,
            digits: 2,
            recorded: |rival| rival.spread,
        },
        Line {
            what: "CPU µs a connecting user",
            goal: "30, limit at 19",
            pair: &comparison.connect,
            digits: 1,
            recorded: |rival| rival.connect,
        },
    ]
}

impl Line<'_> {
    fn cells(&self) -> Vec<String> {
        let number = |number: Option<f64>, digits: usize| {
            number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
        };
        let mut cells = vec![
            self.what.to_owned(),
            self.goal.to_owned(),
            number(Some(self.pair.ours), self.digits),
            number(self.pair.limit, self.digits),
            number(self.pair.ratio, 2),
        ];
        let recorded = |rival| (self.recorded)(rival).map_or("-".into(), |it| it.to_string());
        cells.extend(RECORDED.iter().map(recorded));
        cells
    }
}

fn flood(flood: &Flood) -> String {
    let [before, highest, after] = flood.memory_mib;
    let rows = vec![
        row(
            "the flood",
            &format!(
                "{} prices in {:.0} s, {:.1} times as many as arrived",
                flood.published, flood.seconds, flood.times_too_fast
            ),
        ),
        row(
            "memory",
            &format!("{before:.1} MiB before, {highest:.1} at its highest, {after:.1} after"),
        ),
        row(
            "newest price",
            &format!("{} old when read", times(flood.newest_age_ms)),
        ),
        row("a round of the relay", &times(flood.round_ms)),
        row(
            "missed",
            &format!(
                "{} delivered + {} missed = published x users, but for {}; {} wrong on a single subscription",
                flood.deliveries, flood.missed, flood.unaccounted, flood.wrong
            ),
        ),
        row("without the newest", &flood.without_newest.to_string()),
    ];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    table.trim_fmt()
}

/// The table of `fleet`.
pub fn fleet(report: &FleetReport) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", ""]);
    table.add_rows(
        report
            .rows()
            .into_iter()
            .map(|(what, value)| row(what, &value)),
    );
    table.trim_fmt()
}

fn row(what: &str, value: &str) -> Vec<String> {
    vec![what.to_owned(), value.to_owned()]
}

fn stocks(count: u16) -> String {
    match count {
        1 => "1 stock".into(),
        count => format!("{count} stocks"),
    }
}

fn times(spread: Option<Percentiles>) -> String {
    spread
        .as_ref()
        .map_or_else(|| "unknown".into(), percentiles)
}

fn percentiles(percentiles: &Percentiles) -> String {
    format!(
        "p50 {:.1}, p99 {:.1}, p99.9 {:.1}, at most {:.1} ms",
        percentiles.p50, percentiles.p99, percentiles.p999, percentiles.max
    )
}
