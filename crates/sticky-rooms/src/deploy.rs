//! The demonstration of lesson 4b: thirty games are played while a server joins, another one is drained,
//! and all that are left are restarted.

mod live_game;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateless_server::DatabaseUrl;
use stateless_server::store::{Database, Store};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::control::ControlToken;
use crate::fleet::{Fleet, SERVERS, address};
use crate::operator::Operator;
use crate::room_id::RoomId;
use crate::router::Router;
use crate::router::owner::{By, by_remainder, owner};
use crate::server::Options;
pub use live_game::nth_move;
use live_game::{Crowd, LiveGame};

/// Rooms, with two players each.
const ROOMS: usize = 30;
const PLAYERS: usize = 2;
/// How long the players of moved rooms may take to come back, before the demonstration gives up.
const BACK_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of the demonstration.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// The program to start as `PROGRAM server …`: this very one.
    pub program: PathBuf,
    /// The database of all servers.
    pub database: DatabaseUrl,
}

/// A change of the servers, and the servers before and after it.
struct Step {
    what: &'static str,
    change: Change,
    before: &'static [usize],
    after: &'static [usize],
}

#[derive(Clone, Copy)]
enum Change {
    Join,
    Drain(usize),
    Restart(usize),
}

const STEPS: [Step; 5] = [
    Step {
        what: "server 4 joins",
        change: Change::Join,
        before: &[1, 2, 3],
        after: &[1, 2, 3, 4],
    },
    Step {
        what: "server 2 is drained",
        change: Change::Drain(2),
        before: &[1, 2, 3, 4],
        after: &[1, 3, 4],
    },
    Step {
        what: "server 1 is restarted",
        change: Change::Restart(1),
        before: &[1, 3, 4],
        after: &[3, 4],
    },
    Step {
        what: "server 3 is restarted",
        change: Change::Restart(3),
        before: &[1, 3, 4],
        after: &[1, 4],
    },
    Step {
        what: "server 4 is restarted",
        change: Change::Restart(4),
        before: &[1, 3, 4],
        after: &[1, 3],
    },
];

impl Deploy {
    /// Shows it, from the first row to the verdict.
    ///
    /// # Errors
    /// A server cannot be started, or a room cannot be entered any more.
    pub async fn show(&self, out: &mut impl Write) -> Result<()> {
        let options = Options {
            control: Some(ControlToken::random()),
            ..Options::default()
        };
        let fleet = Fleet {
            program: self.program.clone(),
            database: self.database.clone(),
            look_every: Duration::from_secs(1),
            options: options.clone(),
        };
        let servers = fleet.start_all(SERVERS).await?;
        let addresses = servers.iter().map(address).collect::<Result<_>>()?;
        let router = Router::new(By::Room, addresses, options);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let listen = listener.local_addr()?;
        let routing = tokio::spawn(router.clone().run(listener));
        // None of them ends by itself here.
        let (operator, _failures) = Operator::new(fleet, router, servers, Duration::ZERO);
        let crowd = Crowd::default();
        let mut games = Vec::new();
        for room in rooms() {
            games.push(LiveGame::start(listen, room?, &crowd).await?);
        }
        writeln!(
            out,
            "sticky-rooms deploy: {ROOMS} games are played while servers come and go\n{:>44}{:>16}{:>17}",
            "rooms moved", "users came back", "hash % servers"
        )?;
        let mut all_moved = 0;
        for step in &STEPS {
            let before = crowd.counts().reconnects;
            let moved = match step.change {
                Change::Join => operator.join().await?.moved,
                Change::Drain(number) => operator.drain(number).await?,
                Change::Restart(number) => operator.restart(number).await?,
            };
            all_moved += moved;
            let expected = before + PLAYERS * moved;
            let back = crowd.until(|counts| counts.reconnects >= expected && counts.away == 0);
            let counts = timeout(BACK_TIMEOUT, back).await;
            let counts = counts.context("the players of a moved room do not come back")?;
            writeln!(
                out,
                "  {:<24}{:>18}{:>16}{:>17}",
                step.what,
                moved,
                counts.reconnects - before,
                format!("{} rooms", by_modulo(step)?)
            )?;
        }
        let counts = crowd.counts();
        crowd.stop();
        let database = Database::open(&self.database).await?;
        let (mut equal, mut moves) = (0, 0);
        for game in games {
            let played = game.end().await?;
            let stored = database.game(&played.room.game()).await?.moves;
            moves += stored.len();
            equal += usize::from(played.is_whole(&stored));
        }
        database.close().await;
        operator.end().await;
        routing.abort();
        ensure!(moves > 0, "nothing was played");
        let one_server = most_users()?;
        let never = if counts.most_away <= one_server {
            "never more than"
        } else {
            "more than"
        };
        writeln!(
            out,
            "  {moves} moves were played meanwhile, and {} users were away at once, at most",
            counts.most_away
        )?;
        writeln!(
            out,
            "  users away at the same time: {never} the {one_server} of one server"
        )?;
        writeln!(
            out,
            "  both players and the database have the same moves, each once: {equal} of {ROOMS}"
        )?;
        writeln!(
            out,
            "verdict: {equal} of {ROOMS} games are whole after {all_moved} moves of rooms and {} reconnects",
            counts.reconnects
        )?;
        Ok(())
    }
}

fn rooms() -> impl Iterator<Item = Result<RoomId>> {
    (1..=ROOMS).map(|number| Ok(format!("room-{number}").parse()?))
}

/// How many rooms would be moved if the place were computed by modulo. A restart moves them away and
/// home.
fn by_modulo(step: &Step) -> Result<usize> {
    let mut moved = 0;
    for room in rooms() {
        let room = room?;
        let [before, after] =
            [step.before, step.after].map(|servers| by_remainder(room.as_str(), servers));
        moved += usize::from(before != after);
    }
    Ok(match step.change {
        Change::Restart(_) => 2 * moved,
        Change::Join | Change::Drain(_) => moved,
    })
}

/// The most users that a server has at the beginning of a step.
fn most_users() -> Result<usize> {
    let rooms = rooms().collect::<Result<Vec<_>>>()?;
    let users = |step: &Step, server: usize| {
        let on_it = rooms
            .iter()
            .filter(|room| owner(room.as_str(), step.before) == Some(server));
        PLAYERS * on_it.count()
    };
    let of_step = |step: &'static Step| {
        step.before
            .iter()
            .map(move |server| users(step, *server))
            .max()
    };
    Ok(STEPS.iter().filter_map(of_step).max().unwrap_or(0))
}
