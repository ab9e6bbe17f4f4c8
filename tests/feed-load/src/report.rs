//! Tables for people.

use comfy_table::{CellAlignment, Table, presets};

use crate::compare::Comparison;
use crate::conflate::{Conflation, Figures};
use crate::costs::MACHINE;
use crate::fleet::FleetReport;
use crate::flood::Flood;
use crate::latency::Percentiles;
use crate::measured_runs::MEASURED_RUNS;
use crate::plan::{Limit, PlanReport};
use crate::planned::Planned;
use crate::rivals::RECORDED;
use crate::users::UsersReport;

type Rows = Vec<[String; 2]>;

/// Rows of a name and a formatted value.
macro_rules! rows {
    ($($name:literal: $format:literal $(, $value:expr)*;)*) => {
        vec![$([$name.to_owned(), format!($format $(, $value)*)]),*]
    };
}

/// The table of `users` and `limit`.
pub(crate) fn users(report: &UsersReport) -> String {
    let (connecting, prices) = (&report.connecting, &report.prices);
    let counts = &prices.counts;
    let unknown = || "unknown".to_owned();
    let memory = connecting
        .server_kib_a_user
        .zip(connecting.server_empty_mib);
    let mut rows: Rows = rows! {
        "server": "{}", report.server;
        "users": "{} with {} each", report.users, stocks(report.stocks_a_user);
        "connected in": "{:.2} s, {:.0} users a second", connecting.seconds, connecting.users_a_second;
        "server CPU a user": "{}", connecting.server_cpu_micros_a_user
            .map_or_else(unknown, |cpu| format!("{cpu:.1} µs to connect and follow"));
        "server memory a user": "{}", memory.map_or_else(unknown, |(user, empty)| {
            format!("{user:.2} KiB (before: {empty:.1} MiB)")
        });
        "deliveries": "{} in {:.1} s, {:.0} a second",
            counts.deliveries, prices.seconds, prices.deliveries_a_second;
        "server CPU": "{}", prices.server_cpu_seconds_a_million
            .map_or_else(unknown, |cpu| format!("{cpu:.2} s per million deliveries"));
    };
    if let Some(latency) = report.latency_ms {
        rows.extend(rows! { "latency": "{}", percentiles(Some(latency)); });
    }
    rows.extend(match prices.published {
        Some(published) => rows! {
            "published": "{published}";
            "missed, as reported": "{}", counts.missed;
            "lost": "{}", counts.lost;
            "doubled": "{}", counts.doubled;
            "missed, reported wrongly": "{}", counts.miscounted;
            "missed while stale": "{}", counts.missed_while_stale;
            "without the newest": "{}", prices.without_newest.unwrap_or(0);
        },
        None => rows! {
            "missed, as reported": "{} (lost and doubled are counted with --redis alone)", counts.missed;
        },
    });
    rows.extend(rows! { "stale notices": "{}", counts.stale_notices; });
    if counts.refused + counts.ended + counts.faults > 0 {
        rows.extend(rows! {
            "trouble": "{} refused, {} ended by the server, {} faults",
                counts.refused, counts.ended, counts.faults;
        });
    }
    table(rows).trim_fmt()
}

/// What `compare` measures, the goal of each figure, and its digits.
const FIGURES: [(&str, &str, usize); 7] = [
    ("memory, KiB a user with 1 stock", "1.3", 2),
    ("memory, KiB a user with 10 stocks", "1.7", 2),
    ("memory, MiB without users", "8", 1),
    ("CPU s a million, one price at a time", "1.05 x limit", 2),
    ("CPU s a million, 20 prices in a burst", "1.2 x limit", 2),
    (
        "CPU s a million, 1,000 stocks of 15 users",
        "1.15 x limit",
        2,
    ),
    ("CPU µs a connecting user", "30, limit at 19", 1),
];

/// The table of `compare`.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let pairs = [
        comparison.kib_one,
        comparison.kib_ten,
        comparison.empty_mib,
        comparison.single,
        comparison.burst,
        comparison.spread,
        comparison.connect,
    ];
    let number = |number: Option<f64>, digits: usize| {
        number.map_or("-".to_owned(), |number| format!("{number:.digits$}"))
    };
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let ours = ["", "goal", "ours", "limit", "ours / limit"].map(str::to_owned);
    let rivals = RECORDED.iter().map(|(name, _)| format!("{name}*"));
    table.set_header(ours.into_iter().chain(rivals));
    for (row, ((what, goal, digits), pair)) in FIGURES.into_iter().zip(pairs).enumerate() {
        let ours = [
            what.to_owned(),
            goal.to_owned(),
            number(Some(pair.ours), digits),
            number(pair.limit, digits),
            number(pair.ratio, 2),
        ];
        let recorded = |it: f64| match what.starts_with("CPU") {
            true => format!("{it:.2} x"),
            false => it.to_string(),
        };
        let rivals = RECORDED
            .iter()
            .map(|(_, figures)| figures[row].map_or("-".into(), recorded));
        table.add_row(ours.into_iter().chain(rivals));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let plural = if comparison.runs == 1 { "" } else { "s" };
    let mut text = format!(
        "{} users; both servers side by side, in turns; medians of {} run{plural}\n\n{}\n\n\
         limit: a bare loop that writes the same frames to as many sockets, in this run\n\
         * recorded with 15,000 users on a machine with 2 cores, not in this run: memory in KiB, CPU time as \
         a ratio to that day's bare loop\n",
        comparison.users,
        comparison.runs,
        table.trim_fmt()
    );
    if let Some(flood) = &comparison.flood {
        text.push_str(&format!("\n{}\n", self::flood(flood)));
    }
    text
}

fn flood(flood: &Flood) -> String {
    let [before, highest, after] = flood.memory_mib;
    let rows = rows! {
        "the flood": "{} prices in {:.0} s, {:.1} times as many as arrived",
            flood.published, flood.seconds, flood.times_too_fast;
        "memory": "{before:.1} MiB before, {highest:.1} at its highest, {after:.1} after";
        "newest price": "{} old when read", percentiles(flood.newest_age_ms);
        "between two reads": "{}", percentiles(flood.between_reads_ms);
        "missed": "{} delivered + {} missed = published x users, but for {}; {} wrong on a single subscription",
            flood.deliveries, flood.missed, flood.unaccounted, flood.wrong;
        "without the newest": "{}", flood.without_newest;
    };
    table(rows).trim_fmt()
}

/// The table of `conflate`.
pub(crate) fn conflation(report: &Conflation) -> String {
    let (goals, cores) = (report.goals, report.cores);
    let all = report.users as f64 * f64::from(report.stocks_a_user) * report.changes_a_second;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let pace = format!("with a pace of {:.0} ms", report.pace_ms);
    table.set_header(["", "goal", &*pace, "without a pace"]);
    let [with, without] = [&report.with_a_pace, &report.without_a_pace].map(|it| column(it, cores));
    for ((what, with), (_, without)) in with.into_iter().zip(without) {
        let goal = match what {
            "prices that arrive a second" => grouped(goals.deliveries_a_second),
            AGE_AT_MOST => format!("{:.0}", goals.age_ms),
            zero if ZEROS.contains(&zero) => "0".to_owned(),
            _ => String::new(),
        };
        table.add_row([what.to_owned(), goal, with, without]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let verdict = match &*report.unmet {
        [] => "With a pace, every goal was reached.".to_owned(),
        unmet => format!("With a pace, not reached:\n  {}", unmet.join("\n  ")),
    };
    format!(
        "{} users on {}, with {} of {} each; each has {:.2} prices a second, so {} a second for \
         all users\n\n{}\n\n{verdict}",
        grouped(report.users as f64),
        many(report.servers as u32, "server"),
        report.stocks_a_user,
        many(report.stocks.into(), "stock"),
        report.changes_a_second,
        grouped(all),
        table.trim_fmt()
    )
}

const AGE_AT_MOST: &str = "ms without a newer price, at most";
/// What must not be.
const ZEROS: [&str; 9] = [
    "groups over one in a pace",
    "lost",
    "doubled",
    "missed, reported wrongly",
    "missed while stale",
    "neither delivered nor missed",
    "without the newest in the end",
    "users who lost their server",
    "faults",
];

/// A side of the comparison: what, and how much.
fn column(figures: &Figures, cores: usize) -> Vec<(&'static str, String)> {
    let (cpu, counts, age) = (&figures.cpu, &figures.counts, figures.age_ms);
    let core = |seconds: f64| format!("{:.2}", seconds / figures.seconds);
    let age = |of: fn(Percentiles) -> f64| age.map_or("-".into(), |it| format!("{:.0}", of(it)));
    let zeros = [
        figures.too_many_groups.to_string(),
        counts.lost.to_string(),
        counts.doubled.to_string(),
        counts.miscounted.to_string(),
        counts.missed_while_stale.to_string(),
        figures.unaccounted.map_or("-".into(), |it| it.to_string()),
        figures.without_newest.to_string(),
        (counts.ended + counts.refused).to_string(),
        counts.faults.to_string(),
    ];
    let mut rows = vec![
        (
            "prices that arrive a second",
            grouped(figures.deliveries_a_second),
        ),
        (
            "reads of users that bring them",
            grouped(figures.groups_a_second),
        ),
        (
            "prices reported as missed a second",
            grouped(figures.missed_a_second),
        ),
        ("cores busy: servers", core(cpu.servers)),
        ("cores busy: Redis", core(cpu.redis)),
        ("cores busy: users", core(cpu.users)),
        ("cores busy: publisher", core(cpu.publisher)),
        (
            "all of them",
            format!("{:.0} % of {cores}", figures.cpu_share * 100.0),
        ),
        (
            "CPU µs of the servers a price",
            format!("{:.2}", figures.servers_cpu_micros_a_price),
        ),
        ("ms without a newer price, p50", age(|it| it.p50)),
        ("ms without a newer price, p99", age(|it| it.p99)),
        (AGE_AT_MOST, age(|it| it.max)),
        (
            "the publisher was late, ms at most",
            format!("{:.0}", figures.publisher_late_ms),
        ),
        (
            "fullest 50 ms of the interval by the mean",
            format!("{:.2}", figures.ticks_largest_by_mean),
        ),
    ];
    rows.extend(ZEROS.into_iter().zip(zeros));
    rows
}

/// The table of `fleet`.
pub(crate) fn fleet(report: &FleetReport) -> String {
    let (life, counts) = (&report.life, &report.counts);
    let quiet = &life.quiet;
    let redises = match report.redises {
        1 => "one Redis".to_owned(),
        nodes => format!("the {nodes} nodes of a Redis Cluster"),
    };
    let seconds = |time: Option<f64>| time.map_or("-".into(), |time| format!("{time:.1} s"));
    let elsewhere_again = match report.not_home {
        0 => String::new(),
        others => format!(", {others} of them elsewhere again"),
    };
    let rows = rows! {
        "users on servers": "{} on {}, behind {redises}", report.users, report.servers;
        "all connected": "{:.1} s", report.connected_seconds;
        "one price to all": "{:.2} s", report.one_price_seconds;
        "memory of all servers": "{:.0} MiB", report.servers_mib;
        "memory of the machine": "{:.0} MiB", report.machine_mib;
        "three of 500 stocks each, after": "{:.1} s", report.moved_seconds;
        "life": "{:.0} s, {} prices, {} deliveries, {:.0} a second, {} reported as missed",
            life.seconds, life.published, life.deliveries, life.deliveries_a_second, life.missed;
        "latency in it": "{}", percentiles(life.latency_ms);
        "before the kill": "{:.0} s, {} prices, {} messages to servers, {} deliveries to users",
            quiet.seconds, quiet.published, quiet.received, quiet.deliveries;
        "CPU of Redis then": "{:.2} s, {:.1} µs a price", quiet.redises_cpu_seconds,
            quiet.redises_cpu_micros_a_price;
        "CPU of the servers then": "{:.2} s, {:.2} s per million deliveries",
            quiet.servers_cpu_seconds, quiet.servers_cpu_seconds_a_million;
        "planned by measured": "{}", planned(&report.plan);
        "memory after it": "{:.0} MiB servers, {:.0} MiB Redis, {:.0} MiB machine",
            life.servers_mib, life.redises_mib, life.machine_mib;
        "a server killed: its users elsewhere after": "{}", seconds(report.users_back_seconds);
        "the server restarted: its users home after": "{}{elsewhere_again}",
            seconds(report.server_back_seconds);
        "without the newest price in the end": "{}", report.without_newest;
        "lost": "{}", counts.lost;
        "doubled": "{}", counts.doubled;
        "missed, reported wrongly": "{}", counts.miscounted;
        "stale notices": "{}, {} of them in life before the kill",
            counts.stale_notices, quiet.stale_notices;
        "missed while stale": "{}, {} of them in life before the kill",
            counts.missed_while_stale, quiet.missed_while_stale;
    };
    let mut table = table(rows);
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", ""]).trim_fmt()
}

fn planned(plan: &Planned) -> String {
    let ratios = plan.ratios();
    let ratios = ratios.map(|(what, ratio)| format!("{what} {ratio:.2}"));
    ratios.join(", ")
}

/// The tables of `plan`.
pub(crate) fn plan(report: &PlanReport) -> String {
    let (cores, memory, network) = (report.cores, report.memory_gib, report.network_gbit);
    let redis = match report.redises {
        1 => "one".to_owned(),
        nodes => format!(
            "a cluster of {} masters, each with a replica: {nodes} processes",
            report.masters
        ),
    };
    let rows = rows! {
        "users": "{}, each with {}", grouped(report.users.into()), many(report.stocks_a_user, "stock");
        "prices a second": "{} of {}, sent every {:.0} ms", grouped(report.prices_a_second.into()),
            many(report.stocks, "stock"), report.pace_ms;
        "deliveries a second": "{}, {:.1} a user", grouped(report.deliveries_a_second),
            report.deliveries_a_second / f64::from(report.users);
        "servers": "{}, with {} users each", grouped(report.servers.into()),
            grouped(report.users_a_server.into());
        "Redis": "{redis}";
        "cores": "{} to provide; busy: {:.1} by servers, {:.1} by Redis",
            grouped(cores.to_provide), cores.servers, cores.redises;
        "memory": "{:.1} GiB: servers {:.1}, their kernels for sockets {:.1}, Redis {:.1}",
            memory.total, memory.servers, memory.kernel, memory.redises;
        "network": "{:.2} Gbit/s: to users {:.2}, from Redis to servers {:.2}",
            network.total, network.to_users, network.to_servers;
        "a server that stops reading": "is disconnected by Redis after {:.0} s, and its users are sent `stale`",
            report.unread_seconds;
    };
    let mut limits = Table::new();
    limits.load_style(presets::ASCII_MARKDOWN);
    limits.set_header(["limit", "used", "of", "percent"]);
    for limit in &report.limits {
        limits.add_row([
            format!("{}: {}", limit.place, limit.what),
            short(limit.used),
            short(limit.of),
            format!("{:.0}", limit.percent),
        ]);
    }
    for column in limits.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut facts = table(rows);
    facts.load_style(presets::ASCII_MARKDOWN);
    facts.set_header(["", ""]);
    let mut held = String::new();
    for run in &MEASURED_RUNS {
        held.push_str(&format!("\n  {}: {}", run.command, planned(&run.planned())));
    }
    format!(
        "{}\n\n{}\n\n{}\n\n{MACHINE}\n\nPlanned by measured, of three fleets on that machine:{held}\n\
         `feed-load fleet` prints the same for a fleet on yours.",
        facts.trim_fmt(),
        limits.trim_fmt(),
        breaks_first(report),
    )
}

fn breaks_first(report: &PlanReport) -> String {
    let named = |limit: &Limit| {
        format!(
            "{} ({}): {} of {}, {:.0} %",
            limit.place,
            limit.what,
            short(limit.used),
            short(limit.of),
            limit.percent
        )
    };
    let mut lines = Vec::new();
    if let Some(limit) = &report.with_one_redis {
        lines.push(format!(
            "With one Redis, this breaks first: {}.",
            named(limit)
        ));
    }
    if let Some(fullest) = report.limits.first() {
        lines.push(match fullest.percent {
            over if over > 100.0 => format!("In this plan, this breaks: {}.", named(fullest)),
            percent => format!(
                "In this plan, this breaks first, at {:.1} times the load: {}.",
                100.0 / percent,
                named(fullest)
            ),
        });
    }
    if report.redis_too_busy {
        lines.push(
            "More masters do not help, because each of them sends to every server: publish less often (--pace), \
             or have fewer, fuller servers."
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn many(count: u32, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count.into()))
}

/// A whole number with commas: 10,000,000.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two decimals for a small number, none for a large one.
fn short(number: f64) -> String {
    if number < 100.0 {
        format!("{number:.2}")
    } else {
        grouped(number)
    }
}

fn table(rows: Rows) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    table
}

fn stocks(count: u16) -> String {
    match count {
        1 => "1 stock".into(),
        count => format!("{count} stocks"),
    }
}

fn percentiles(times: Option<Percentiles>) -> String {
    times.map_or("unknown".into(), |times| {
        format!(
            "p50 {:.1}, p99 {:.1}, p99.9 {:.1}, at most {:.1} ms",
            times.p50, times.p99, times.p999, times.max
        )
    })
}
