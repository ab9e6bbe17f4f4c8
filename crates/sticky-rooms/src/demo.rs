//! The demonstration: the same thirty games, three times, with players sent to servers by turns, by
//! user and by room; then a server is killed. Lesson 3 shows only the first of the three.

pub(crate) mod player;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use game::Game;
use program::server::Server;
use stateless_server::DatabaseUrl;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::board::Seat;
use crate::fleet::{Fleet, SERVERS, address};
use crate::room_id::RoomId;
use crate::router::Router;
use crate::router::owner::{By, by_remainder};
use crate::server::Options;
use player::Player;

/// Rooms, with two players each.
const ROOMS: usize = 30;
/// The server that is killed.
const KILLED: usize = 2;
/// While it is counted who meets whom, no server may send anybody away.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of one demonstration.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The program to start as `PROGRAM server …`: this very one.
    pub program: PathBuf,
    /// The database of all servers.
    pub database: DatabaseUrl,
    /// The one way of choosing a server to show; `None` shows all three, one after the other.
    pub by: Option<By>,
}

/// A room with its players, and the game that they play.
struct Table {
    room: RoomId,
    game: Game,
    white: Player,
    black: Player,
}

impl Demo {
    /// Shows it, from the first row to the verdict.
    ///
    /// # Errors
    /// A server cannot be started, or a room cannot be entered any more.
    pub async fn show(&self, out: &mut impl Write) -> Result<()> {
        let fleet = Fleet {
            program: self.program.clone(),
            database: self.database.clone(),
            look_every: NEVER,
            options: Options::default(),
        };
        let mut servers = fleet.start_all(SERVERS).await?;
        writeln!(
            out,
            "sticky-rooms: {ROOMS} rooms, two players each, {SERVERS} servers: who is sent where?\n\
             {:>42}{:>28}\n{:>42}{:>28}",
            "rooms whose", "moves that reached", "players meet", "the other player"
        )?;
        let mut meet = Vec::new();
        let is_chosen = |(by, _): &(By, _)| self.by.is_none_or(|only| only == *by);
        let ways = [
            (By::Turns, "(round robin)"),
            (By::User, "(sticky session)"),
            (By::Room, "(consistent hash)"),
        ];
        for (by, how) in ways.into_iter().filter(is_chosen) {
            let router = start_router(by, &servers).await?;
            let tables = play_all(sit_down(by, router.address).await?).await?;
            let met = tables.iter().filter(|table| table.meets()).count();
            let reached: usize = tables.iter().map(Table::reached).sum();
            let moves: usize = tables.iter().map(|table| table.game.moves.len()).sum();
            writeln!(
                out,
                "  {by:<9}{how:<20}{met:>5} of {ROOMS}{reached:>20} of {moves}",
            )?;
            // Only the first names what it counts.
            let what = if meet.is_empty() { " rooms" } else { "" };
            meet.push(format!("{met}{what} {by}"));
            if by == By::Room {
                self.kill_one(&mut servers, tables, out).await?;
            }
            router.task.abort();
        }
        for server in servers {
            server.end().await;
        }
        writeln!(
            out,
            "try: cargo run -p sticky-rooms -- serve, two windows, kill your server"
        )?;
        writeln!(out, "verdict: players meet in {}", meet.join(", "))?;
        Ok(())
    }

    async fn kill_one(
        &self,
        servers: &mut [Server],
        tables: Vec<Table>,
        out: &mut impl Write,
    ) -> Result<()> {
        writeln!(out, "server {KILLED} is killed, as by kill -9")?;
        servers[KILLED - 1].kill();
        let remainder = tables
            .iter()
            .filter(|table| table.moves_by_remainder())
            .count();
        let mut coming_back = JoinSet::new();
        for mut table in tables {
            if table.white.server != KILLED {
                continue;
            }
            coming_back.spawn(async move {
                let chats = 2;
                table.white.enter_again().await?;
                let kept = (table.white.moves, table.white.chats);
                table.black.enter_again().await?;
                let lost = (table.game.moves.len() - kept.0, chats - kept.1);
                anyhow::Ok((table.meets(), lost))
            });
        }
        let (mut moved, mut moves, mut chats) = (0, 0, 0);
        while let Some(came) = coming_back.join_next().await {
            let (meets, lost) = came??;
            moved += usize::from(meets);
            moves += lost.0;
            chats += lost.1;
        }
        writeln!(
            out,
            "  {:<29}{moved:>5} of {ROOMS}      (hash % servers: {remainder} of {ROOMS})",
            "rooms that moved, together"
        )?;
        writeln!(
            out,
            "  {:<29}{moves:>5}            they were in the database",
            "moves lost"
        )?;
        writeln!(
            out,
            "  {:<29}{chats:>5}            they were in its memory",
            "chats lost"
        )?;
        Ok(())
    }
}

struct Started {
    address: std::net::SocketAddr,
    task: AbortHandle,
}

async fn start_router(by: By, servers: &[Server]) -> Result<Started> {
    let addresses = servers.iter().map(address).collect::<Result<_>>()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(Started {
        address: listener.local_addr()?,
        task: tokio::spawn(Router::new(by, addresses, Options::default()).run(listener))
            .abort_handle(),
    })
}

/// One after the other, so that two runs do not differ.
async fn sit_down(by: By, router: std::net::SocketAddr) -> Result<Vec<Table>> {
    let games = game::famous();
    let mut tables = Vec::new();
    for number in 1..=ROOMS {
        let room: RoomId = match by {
            By::Turns => format!("turns-{number}"),
            By::User => format!("user-{number}"),
            By::Room => format!("room-{number}"),
        }
        .parse()?;
        tables.push(Table {
            game: games[number % games.len()].clone(),
            white: Player::enter(router, room.clone(), Seat::White).await?,
            black: Player::enter(router, room.clone(), Seat::Black).await?,
            room,
        });
    }
    Ok(tables)
}

/// All games at once.
async fn play_all(tables: Vec<Table>) -> Result<Vec<Table>> {
    let mut playing = JoinSet::new();
    for table in tables {
        playing.spawn(table.play());
    }
    playing.join_all().await.into_iter().collect()
}

impl Table {
    async fn play(mut self) -> Result<Self> {
        for (played, number) in self.game.moves.clone().into_iter().zip(1..) {
            let player = match number % 2 {
                1 => &mut self.white,
                _ => &mut self.black,
            };
            player.play(number, played).await?;
        }
        // Each player receives until its own chat arrives, and with it everything sent before.
        self.white.chat("good game").await?;
        self.black.chat("good game").await?;
        Ok(self)
    }

    fn meets(&self) -> bool {
        self.white.server == self.black.server
    }

    /// How many moves reached the player who did not play them.
    fn reached(&self) -> usize {
        let odd = |number: &&u64| *number % 2 == 1;
        let by_white = self.black.received_moves.iter().filter(odd).count();
        let by_black = self
            .white
            .received_moves
            .iter()
            .filter(|number| !odd(number))
            .count();
        by_white + by_black
    }

    fn moves_by_remainder(&self) -> bool {
        let all: Vec<usize> = (1..=SERVERS).collect();
        let left: Vec<usize> = all
            .iter()
            .copied()
            .filter(|server| *server != KILLED)
            .collect();
        by_remainder(self.room.as_str(), &all) != by_remainder(self.room.as_str(), &left)
    }
}
