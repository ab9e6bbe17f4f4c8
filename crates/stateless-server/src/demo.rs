//! The demonstration: chess over three servers, of which one is killed while they play.

mod balancer;
mod found;
mod player;
mod table;
mod tally;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use game::{Game, famous};
use program::server::{Server, ServerState, StartError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;

use balancer::Balancer;
use found::Found;
use player::{Pace, Player};
use table::Table;
use tally::Tally;

use crate::fleet::{self, GamesPlace};

pub use player::NoServer;

/// How many games are being played at any moment.
const BOARDS: usize = 10;

/// How many servers begin.
const SERVERS: usize = 3;

/// The one that is killed, counted from 1.
const VICTIM: usize = 2;

/// The settings of one demonstration.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The program to start as `PROGRAM serve …`: this very one.
    pub program: PathBuf,
    /// Where the servers keep their games.
    pub place: GamesPlace,
    /// How many games are played: the famous ones, over and over.
    pub games: usize,
    /// Chooses the server for each request: the same seed, the same choices.
    pub seed: u64,
    /// The time between two requests; zero sends the next as soon as one is answered.
    pub pace: Duration,
}

/// Why a demonstration could not be shown to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A server did not begin.
    #[error(transparent)]
    Fleet(#[from] StartError),
    /// No server was left.
    #[error(transparent)]
    NoServer(#[from] NoServer),
    /// The table could not be printed.
    #[error("cannot print the table")]
    Print(#[from] io::Error),
}

/// Whether the servers have what was sent to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every server finds every game, with just the moves that were sent.
    Equal,
    /// Something that was sent is not found, or is found otherwise.
    Unequal,
}

/// What happens when so many requests have been answered.
#[derive(Clone, Copy)]
enum Event {
    PrintRow,
    Kill,
    Add,
}

impl Demo {
    /// Plays all games, prints what happens, and at the end reads the games from every server.
    ///
    /// After `stop` no more moves are sent, and the verdict is about the moves that were sent. The loop is deep
    /// because an event changes the fleet, the balancer and the table together.
    ///
    /// # Errors
    /// See [`DemoError`]. Lost games are not an error: the table shows them.
    pub async fn show(
        &self,
        out: &mut (impl Write + Send),
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Outcome, DemoError> {
        let mut table = Table::new(out);
        table.title(&self.place)?;
        let balancer = Arc::new(Balancer::default());
        let mut fleet = Vec::new();
        for _ in 0..SERVERS {
            self.add_server(&mut fleet, &balancer, &mut table, 0)
                .await?;
        }

        let prefix = id_prefix();
        let games = self.games(&prefix);
        let mut plan = plan(games.iter().map(player::requests_for).sum());
        let tally = Arc::new(Tally::default());
        let mut answered = tally.answered();
        let mut boards = self.seat_players(games, &balancer, &tally, stop);
        let mut sent = Vec::new();
        table.heading()?;
        loop {
            tokio::select! {
                board = boards.join_next() => match board {
                    Some(played) => sent.extend(played.expect("players do not panic")?),
                    None => break,
                },
                Ok(()) = answered.changed() => {
                    let now = *answered.borrow_and_update();
                    while let Some((_, event)) = plan.pop_if(|(due, _)| *due <= now) {
                        match event {
                            Event::PrintRow => table.row(&tally.counts())?,
                            Event::Kill => {
                                fleet[VICTIM - 1].kill();
                                table.killed(&fleet[VICTIM - 1], now)?;
                            }
                            Event::Add => {
                                self.add_server(&mut fleet, &balancer, &mut table, now).await?;
                            }
                        }
                    }
                }
            }
        }

        table.servers(&mut fleet, &tally.counts())?;
        let mut found = Vec::new();
        for server in &mut fleet {
            if server.state() == ServerState::Running {
                found.push(Found::by(server, &prefix, &sent).await?);
            }
        }
        let outcome = table.verdict(&self.place, &found, &sent)?;
        for server in fleet {
            server.end().await;
        }
        Ok(outcome)
    }

    async fn add_server(
        &self,
        fleet: &mut Vec<Server>,
        balancer: &Balancer,
        table: &mut Table<'_, impl Write>,
        now: u64,
    ) -> Result<(), DemoError> {
        let server = fleet::start(&self.program, fleet.len() + 1, &self.place).await?;
        balancer.add(server.number, &server.url);
        table.started(&server, now)?;
        fleet.push(server);
        Ok(())
    }

    /// The famous games over and over, each under an id of its own.
    fn games(&self, prefix: &str) -> Vec<Game> {
        let named = |(index, game): (usize, Game)| {
            let id = format!("{prefix}{index:04}-{}", game.id);
            Game {
                id: id
                    .parse()
                    .expect("a famous game's id leaves room for a prefix"),
                ..game
            }
        };
        famous()
            .into_iter()
            .cycle()
            .take(self.games)
            .enumerate()
            .map(named)
            .collect()
    }

    /// Deals the games out to players, who all play at the same time.
    fn seat_players(
        &self,
        games: Vec<Game>,
        balancer: &Arc<Balancer>,
        tally: &Arc<Tally>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> JoinSet<Result<Vec<Game>, NoServer>> {
        let mut shares = vec![Vec::new(); BOARDS];
        for (index, game) in games.into_iter().enumerate() {
            shares[index % BOARDS].push(game);
        }
        let pace = Pace::new(self.pace, stop);
        let mut boards = JoinSet::new();
        for (board, share) in shares.into_iter().enumerate() {
            let random = StdRng::seed_from_u64(self.seed.wrapping_add(board as u64));
            let player = Player::new(balancer.clone(), tally.clone(), pace.clone(), random);
            boards.spawn(player.play(share));
        }
        boards
    }
}

/// What happens after which request, the last first. A row at every tenth of the way; a server
/// is killed at 35 % and another added at 65 %, so that both fall between two rows.
fn plan(requests: u64) -> Vec<(u64, Event)> {
    let mut percents: Vec<_> = (1..10).map(|row| (row * 10, Event::PrintRow)).collect();
    percents.extend([(35, Event::Kill), (65, Event::Add)]);
    percents.sort_by_key(|(percent, _)| std::cmp::Reverse(*percent));
    percents
        .into_iter()
        .map(|(percent, event)| (requests * percent / 100, event))
        .collect()
}

/// Begins the ids of this run, so that a database may hold those of other runs as well.
fn id_prefix() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("demo-{:x}-{:x}-", now.as_secs(), std::process::id())
}
