//! What is printed, in ASCII and without colours, so that every projector shows it.

use std::io::{Result, Write};

use game::{Game, count};
use program::server::Server;

use super::Outcome;
use super::found::Found;
use super::tally::Counts;
use crate::fleet::GamesPlace;

/// The most servers that a row has columns for.
const COLUMNS: usize = 4;

/// Prints the story as it goes.
pub(super) struct Table<'a, W> {
    out: &'a mut W,
}

impl<'a, W: Write> Table<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out }
    }

    pub(super) fn title(&mut self, place: &GamesPlace) -> Result<()> {
        match place {
            GamesPlace::Database(url) => {
                writeln!(self.out, "stateless-server: all games are in {url}")
            }
            GamesPlace::InMemory => {
                let what = "each server keeps the games that it is told of";
                writeln!(self.out, "stateless-server --in-memory: {what}")
            }
        }
    }

    pub(super) fn started(&mut self, server: &Server, now: u64) -> Result<()> {
        let Server {
            number,
            url,
            process,
            ..
        } = server;
        self.event(
            now,
            &format!("server {number} starts: {url}, process {process}"),
        )
    }

    pub(super) fn killed(&mut self, server: &Server, now: u64) -> Result<()> {
        let Server {
            number, process, ..
        } = server;
        self.event(
            now,
            &format!("server {number} is killed, as by kill -9 {process}"),
        )
    }

    fn event(&mut self, now: u64, what: &str) -> Result<()> {
        writeln!(self.out, "{now:>8}  {what}")?;
        self.out.flush()
    }

    pub(super) fn heading(&mut self) -> Result<()> {
        writeln!(
            self.out,
            "requests  server 1  server 2  server 3  server 4   retried"
        )
    }

    /// How many requests each server has answered by now.
    pub(super) fn row(&mut self, counts: &Counts) -> Result<()> {
        write!(self.out, "{:>8}", counts.requests())?;
        for number in 1..=COLUMNS {
            match counts.servers.get(&number) {
                Some(server) => write!(self.out, "{:>10}", server.answered)?,
                None => write!(self.out, "{:>10}", "-")?,
            }
        }
        writeln!(self.out, "{:>10}", counts.retried())?;
        self.out.flush()
    }

    /// What each server did, and what the players were told.
    pub(super) fn servers(&mut self, fleet: &mut [Server], counts: &Counts) -> Result<()> {
        writeln!(self.out, "\n{:<10}{:>9}{:>9}", "", "answered", "retried")?;
        for server in fleet {
            let did = counts
                .servers
                .get(&server.number)
                .copied()
                .unwrap_or_default();
            let (number, state) = (server.number, server.state());
            writeln!(
                self.out,
                "server {number:<3}{:>9}{:>9}  {state}",
                did.answered, did.retried
            )?;
        }
        writeln!(
            self.out,
            "{:<10}{:>9}{:>9}\n",
            "all",
            counts.requests(),
            counts.retried()
        )?;
        for (count, what) in [
            (
                counts.found_done,
                "times a retry found its request done, and did not repeat it",
            ),
            (
                counts.unknown_game,
                "times \"there is no such game\", about a game that was added",
            ),
            (
                counts.not_next,
                "times \"not the next move\", about the next move",
            ),
            (
                counts.read_without,
                "times a game was read without moves that had been sent",
            ),
            (counts.other, "times an answer that nobody expected"),
        ] {
            writeln!(self.out, "{count:>8}  {what}")?;
        }
        self.out.flush()
    }

    /// What each server finds beside what was sent, and the one line that it all comes to.
    pub(super) fn verdict(
        &mut self,
        place: &GamesPlace,
        found: &[Found],
        sent: &[Game],
    ) -> Result<Outcome> {
        let games = sent.len();
        let moves: usize = sent.iter().map(|game| game.moves.len()).sum();
        writeln!(
            self.out,
            "\n{:<14}{:>7}{:>7}{:>13}",
            "", "games", "moves", "whole games"
        )?;
        writeln!(self.out, "{:<14}{games:>7}{moves:>7}{games:>13}", "sent")?;
        for one in found {
            let Found {
                server,
                games,
                moves,
                whole,
            } = one;
            writeln!(
                self.out,
                "server {server} finds{games:>7}{moves:>7}{whole:>13}"
            )?;
        }
        let finds_all = |one: &Found| (one.games, one.moves, one.whole) == (games, moves, games);
        let most = found.iter().map(|one| one.whole).max().unwrap_or_default();
        writeln!(self.out, "\ntry: {}", what_next(place))?;
        let sent = [count(games, "game"), count(moves, "move")].join(" and ");
        write!(self.out, "verdict: {sent} sent, ")?;
        let outcome = if found.iter().all(finds_all) {
            writeln!(
                self.out,
                "every server finds them all, each once: nothing is lost"
            )?;
            Outcome::Equal
        } else {
            write!(
                self.out,
                "the best server finds {most} of the games whole: "
            )?;
            writeln!(self.out, "the rest is scattered or lost")?;
            Outcome::Unequal
        };
        self.out.flush()?;
        Ok(outcome)
    }
}

fn what_next(place: &GamesPlace) -> &'static str {
    match place {
        GamesPlace::Database(_) => {
            "run it again, and kill -9 one more process from the list yourself"
        }
        GamesPlace::InMemory => "compare src/store/in_memory.rs with src/store/database.rs",
    }
}
