//! How fast: the API beside the same routes without a database, one server beside three.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::available_parallelism;

use game::{Game, famous};
use program::server::{Server, StartError};
use tokio::process::Command;

use crate::DatabaseUrl;
use crate::fleet::{self, GamesPlace};

/// What wrk sends, in Lua.
const LOAD: &str = include_str!("bench/load.lua");

/// How many games are there to be read.
const GAMES: usize = 1000;

/// How many servers share the database.
const SERVERS: usize = 3;

/// The settings of one measurement.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The program to start as `PROGRAM serve …`: this very one.
    pub program: PathBuf,
    /// The database that the servers share.
    pub database: DatabaseUrl,
    /// How often each case is measured; all of them in turn, so that a ratio compares neighbours.
    pub rounds: usize,
    /// How long each measurement takes, in whole seconds.
    pub seconds: u64,
    /// How many connections send requests at the same time.
    pub connections: usize,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A server did not begin.
    #[error(transparent)]
    Fleet(#[from] StartError),
    /// The load tool is missing, or cannot be run.
    #[error("cannot run wrk; install it with `apt-get install wrk` or `brew install wrk`")]
    Wrk(#[source] io::Error),
    /// It ran, and measured nothing, or requests failed.
    #[error("wrk gave no good result:\n{0}")]
    BadResult(String),
    /// The games that are to be read could not be added.
    #[error("cannot add the games that are to be read")]
    Prepare(#[from] reqwest::Error),
    /// The table or wrk's script could not be written.
    #[error("cannot write")]
    Write(#[from] io::Error),
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
}

/// Where the requests go.
struct Case<'a> {
    name: &'static str,
    servers: &'a [Server],
}

/// What one measurement gave.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Requests a second.
    rate: f64,
    /// In milliseconds: of 100 requests, 99 were answered within.
    p99: f64,
}

impl Bench {
    /// Measures all cases in turn, and prints each figure and the ratios that they come to.
    ///
    /// # Errors
    /// [`BenchError`], above all when wrk is not installed.
    pub async fn show(&self, out: &mut (impl Write + Send)) -> Result<(), BenchError> {
        // Without arguments it prints its usage, which is enough to know that it is there.
        Command::new("wrk")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .map_err(BenchError::Wrk)?;
        self.print_title(out)?;

        let in_memory = [fleet::start(&self.program, 1, &GamesPlace::InMemory).await?];
        let mut shared = Vec::new();
        for number in 1..=SERVERS {
            let place = GamesPlace::Database(self.database.clone());
            shared.push(fleet::start(&self.program, number, &place).await?);
        }
        add_games(&in_memory[0]).await?;
        add_games(&shared[0]).await?;
        let cases = [
            Case {
                name: "no database, 1 server",
                servers: &in_memory,
            },
            Case {
                name: "database, 1 server",
                servers: &shared[..1],
            },
            Case {
                name: "database, 3 servers",
                servers: &shared,
            },
        ];

        let mut all = Vec::new();
        for kind in [Kind::Read, Kind::Write] {
            let mut rounds = Vec::new();
            for round in 1..=self.rounds {
                let mut figures = Vec::new();
                for case in &cases {
                    let measured = self.measure(kind, case).await?;
                    print_figures(out, round, kind, case, measured)?;
                    figures.push(measured);
                }
                rounds.push(figures);
            }
            all.push((kind, rounds));
        }
        for server in in_memory.into_iter().chain(shared) {
            server.end().await;
        }
        print_ratios(out, &all)?;
        Ok(())
    }

    async fn measure(&self, kind: Kind, case: &Case<'_>) -> Result<Figures, BenchError> {
        let script = tempfile::Builder::new().suffix(".lua").tempfile()?;
        // The file's name is one that no other measurement has, and so are ids that begin with it.
        let run = script
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        write!(script.as_file(), "{}{LOAD}", load_for(kind, case, &run))?;
        let threads = SERVERS.min(self.connections);
        let output = Command::new("wrk")
            .args(["--threads", &threads.to_string()])
            .args(["--connections", &self.connections.to_string()])
            .args(["--duration", &format!("{}s", self.seconds), "--script"])
            .args([script.path(), Path::new(&case.servers[0].url)])
            // Otherwise it would go on after a Ctrl-C that reached only us.
            .kill_on_drop(true)
            .output()
            .await
            .map_err(BenchError::Wrk)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let bad =
            || BenchError::BadResult(format!("{said}{}", String::from_utf8_lossy(&output.stderr)));
        let result = said
            .lines()
            .find_map(|line| line.strip_prefix("result "))
            .ok_or_else(bad)?;
        let numbers: Vec<f64> = result
            .split(' ')
            .map(|number| number.parse().map_err(|_| bad()))
            .collect::<Result<_, _>>()?;
        match numbers.as_slice() {
            // Requests, microseconds, microseconds, and requests that failed.
            [requests, took, p99, 0.0] => Ok(Figures {
                rate: requests / (took / 1e6),
                p99: p99 / 1e3,
            }),
            _ => Err(bad()),
        }
    }

    fn print_title(&self, out: &mut impl Write) -> io::Result<()> {
        let Self {
            rounds,
            seconds,
            connections,
            database,
            ..
        } = self;
        let cores = available_parallelism().map_or(1, usize::from);
        writeln!(
            out,
            "wrk, {connections} connections, {rounds} rounds of {seconds} s, {cores} cores"
        )?;
        writeln!(out, "database: {database}")?;
        if cfg!(debug_assertions) {
            writeln!(
                out,
                "this is a debug build: for figures that count, cargo run --release"
            )?;
        }
        let (request, place, rate) = ("request", "where", "requests/s");
        writeln!(
            out,
            "\nround  {request:<16}{place:<23}{rate:>10}{:>9}",
            "p99 ms"
        )
    }
}

/// The part of wrk's script that differs from one measurement to the next.
fn load_for(kind: Kind, case: &Case<'_>, run: &str) -> String {
    let servers: Vec<String> = case
        .servers
        .iter()
        .filter_map(|server| server.url.strip_prefix("http://")?.rsplit_once(':'))
        .map(|(host, port)| format!("{{\"{host}\", \"{port}\"}}"))
        .collect();
    format!(
        "servers = {{{}}}\nkind = \"{}\"\ngames = {GAMES}\nrun = \"{run}\"\n",
        servers.join(", "),
        kind.name(),
    )
}

/// Adds the games that are to be read; each is a famous one with all its moves.
async fn add_games(server: &Server) -> Result<(), BenchError> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    for (index, game) in famous().into_iter().cycle().take(GAMES).enumerate() {
        let id = format!("bench-{index:04}")
            .parse()
            .expect("a short id is a good one");
        let game = Game { id, ..game };
        http.post(format!("{}/games", server.url))
            .json(&game)
            .send()
            .await?
            .error_for_status()?;
    }
    Ok(())
}

fn print_figures(
    out: &mut impl Write,
    round: usize,
    kind: Kind,
    case: &Case<'_>,
    Figures { rate, p99 }: Figures,
) -> io::Result<()> {
    let request = kind.request();
    writeln!(
        out,
        "{round:>5}  {request:<16}{:<23}{rate:>10.0}{p99:>9.2}",
        case.name
    )?;
    out.flush()
}

/// Each ratio is taken within a round, and the one in the middle is printed.
fn print_ratios(out: &mut impl Write, all: &[(Kind, Vec<Vec<Figures>>)]) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<51}{:>10}{:>9}",
        "ratio, median of the rounds", "requests", "p99"
    )?;
    for (kind, rounds) in all {
        for (name, this, other) in [
            ("1 server: database / no database", 1, 0),
            ("database: 3 servers / 1 server", 2, 1),
        ] {
            let ratio = |of: fn(&Figures) -> f64| {
                median(
                    rounds
                        .iter()
                        .map(|round| of(&round[this]) / of(&round[other]))
                        .collect(),
                )
            };
            let (rate, p99) = (ratio(|figures| figures.rate), ratio(|figures| figures.p99));
            writeln!(
                out,
                "{:<16}{name:<35}{rate:>10.2}{p99:>9.2}",
                kind.request()
            )?;
        }
    }
    out.flush()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn request(self) -> &'static str {
        match self {
            Self::Read => "GET /games/ID",
            Self::Write => "POST /games",
        }
    }
}
