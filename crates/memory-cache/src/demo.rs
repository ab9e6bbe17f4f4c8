//! The demonstration: two servers over one database that is far away, and reads that go to either.

mod client;
mod games;
mod old_copy;
mod place;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use program::server::Server;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stateless_server::DatabaseUrl;
use tokio::process::Command;
use tokio::task::JoinSet;

use client::Client;
use games::games;

use place::Seen;
pub use place::{CopyPlace, RedisPlace};

/// How far away the database is, in milliseconds.
const AWAY: u64 = 20;
/// Reads in waves of ten, one of each game: no two at once of the same, so each run is the same.
const WAVES: usize = 100;
/// How many ask at once for a game that nobody has read.
const AT_ONCE: usize = 100;
/// While reads are counted no copy may end, however busy the machine is.
const WHILE_COUNTING: Duration = Duration::from_secs(3_600);

/// The settings of one demonstration.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The program to start as `PROGRAM serve …`: this very one.
    pub program: PathBuf,
    /// The database of both servers.
    pub database: DatabaseUrl,
    /// Where copies are kept.
    pub place: CopyPlace,
    /// How long a copy may be used.
    pub time_to_live: Duration,
    /// Picks the server for each read.
    pub seed: u64,
}

impl Demo {
    /// Shows it, from the first read to the verdict.
    ///
    /// It is long because it is in the order of what it prints.
    ///
    /// # Errors
    /// No server is left, or the table cannot be printed.
    pub async fn show(&self, out: &mut impl Write) -> Result<()> {
        writeln!(
            out,
            "memory-cache: two servers, one database {AWAY} ms away; {}",
            self.place
        )?;
        let mut client = self.start(WHILE_COUNTING).await?;
        let games = games(client.run());
        for game in &games {
            client.add(game).await?;
        }
        let (ten, new) = (&games[..10], &games[10]);
        writeln!(
            out,
            "   reads  server 1 hit miss  server 2 hit miss  asked the database"
        )?;
        let mut random = StdRng::seed_from_u64(self.seed);
        for wave in 1..=WAVES {
            let mut reads = JoinSet::new();
            for game in ten {
                let read = client
                    .clone()
                    .read(random.random_range(0..2), game.id.clone());
                reads.spawn(read);
            }
            client.joined(reads, out).await?;
            if wave % 25 == 0 {
                let [one, two] = client.counted().await?;
                let loads = one.loads + two.loads;
                writeln!(
                    out,
                    "{:>8}  {:>12} {:>4}  {:>12} {:>4}  {loads:>18}",
                    wave * ten.len(),
                    one.hits,
                    one.misses,
                    two.hits,
                    two.misses
                )?;
            }
        }
        let before = client.loads().await?;
        let mut reads = JoinSet::new();
        for _ in 0..AT_ONCE {
            reads.spawn(client.clone().read(0, new.id.clone()));
        }
        client.joined(reads, out).await?;
        let loads = client.loads().await?;
        let asked = match loads - before {
            1 => "1 asks the database".to_owned(),
            asks => format!("{asks} ask the database"),
        };
        writeln!(
            out,
            "{AT_ONCE} ask one server at once for a new game: {asked}"
        )?;
        let mut seen = Seen::default();
        seen.add(&client.counted().await?);
        client.end().await;

        self.show_an_old_copy(&games[11..], &mut seen, out).await?;
        for trouble in &seen.troubles {
            writeln!(out, "{trouble}")?;
        }
        writeln!(out, "try: {}", self.place.try_next())?;
        let reads = WAVES * ten.len() + AT_ONCE;
        let old = self.place.age(&seen, self.time_to_live);
        writeln!(
            out,
            "verdict: any server; {reads} reads, {loads} asked the database; {old}"
        )?;
        Ok(())
    }

    async fn start(&self, time_to_live: Duration) -> Result<Client> {
        let mut servers = Vec::new();
        for number in 1..=2 {
            let mut command = Command::new(&self.program);
            command.args(["serve", "--listen=127.0.0.1:0", "--until-stdin-closes"]);
            command.arg(format!("--away={AWAY}ms"));
            command.arg(format!("--ttl={}ms", time_to_live.as_millis()));
            if let DatabaseUrl::Sqlite(file) = &self.database {
                command.arg("--database").arg(file.as_argument());
            }
            match &self.place {
                // Not among the arguments, where every user of the machine could read a password.
                CopyPlace::Redis(redis) => command.env("REDIS_URL", redis.text_with_password()),
                CopyPlace::Tracked(redis) => command
                    .arg("--tracking")
                    .env("REDIS_URL", redis.text_with_password()),
                CopyPlace::EachServer => command.env_remove("REDIS_URL"),
                CopyPlace::Nowhere => command.arg("--no-cache"),
            };
            servers.push(Server::spawn(command, number).await?);
        }
        Ok(Client::new(servers))
    }
}
