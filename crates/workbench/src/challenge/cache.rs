//! Lesson 2: a copy in each server, and a read that is still under way when its game changes.

use serde::{Deserialize, Serialize};

use super::database::{Database, PLAYS};
use super::requests::Requests;
use super::{Challenge, Route, Rule, Verdict, index};
use crate::challenge::network::{Net, When};

pub use super::game::{Action, Event};

const SERVERS: [&str; 2] = ["server-1", "server-2"];
/// Two connections of a pool: what is sent on one may overtake what is sent on the other.
const WRITES: &str = "database";
const READS: &str = "database-2";
const READER: &str = "Ann";
const PLAYER: &str = "Ben";
/// In milliseconds.
const TIME_TO_LIVE: u64 = 2_000;

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Ann gets the game from this server.
    Get(String),
    /// Ben sends a move to it.
    Play(String),
}

const LESSON: &str = "lessons/02-memory-cache.md";
const OWN: Rule = Rule {
    words: "a server never replies with a game that lacks a move which it has stored itself",
    why: "A read that began before a move may end after it.",
    lesson: LESSON,
};
const AGE: Rule = Rule {
    words: "a reply has come from the database within the last 2 s",
    why: "The other server does not report its changes: that is what the time to live is for.",
    lesson: LESSON,
};
const HIT: Rule = Rule {
    words: "while a copy is good, the database is not asked",
    why: "That is what the copy is for.",
    lesson: LESSON,
};
const ANSWERED: Rule = Rule {
    words: "in the end every user has a reply",
    why: "Nothing is slow any more, and a last request was sent after the last crash.",
    lesson: LESSON,
};

/// The database, and what each server has received.
#[derive(Debug, Default)]
pub struct Cache {
    now: u64,
    database: Database,
    /// Ann is user 0, Ben is user 1.
    requests: Requests<()>,
    last_sent: bool,
    servers: [Received; 2],
}

#[derive(Debug, Default)]
struct Received {
    /// How long the game was after the last move that this server stored.
    own: usize,
    /// When each game came from the database, and how long it was.
    loads: Vec<(u64, usize)>,
}

impl Cache {
    fn get(&mut self, server: usize, net: &mut Net<Self>) -> String {
        let request = self.requests.send(0, server, ());
        net.tell(READER, server, Event::Get { request });
        format!("{READER} gets the game from {}", SERVERS[server])
    }
}

impl Challenge for Cache {
    const NAME: &'static str = "cache";
    const QUESTION: &'static str =
        "a copy in each server: how old may it be, and when must it be dropped?";
    const SERVERS: &'static [&'static str] = &SERVERS;
    const STORES: &'static [&'static str] = &[WRITES, READS];
    const NAMES: &'static [&'static [&'static str]] = &[&SERVERS];
    const SLOW: &'static [(&'static str, &'static str)] = &[
        (READS, SERVERS[0]),
        (READS, SERVERS[1]),
        (WRITES, SERVERS[0]),
        (WRITES, SERVERS[1]),
    ];
    const CRASHES: bool = true;
    const WAITS: bool = true;

    type Event = Event;
    type Action = Action;
    type Deed = Deed;

    fn new() -> Self {
        Self::default()
    }

    fn route(action: &Action) -> Result<Route<Event>, String> {
        Ok(Route::To(match action {
            Action::Read { .. } => READS,
            Action::AppendIf { .. } => WRITES,
            Action::ReplyGame { .. } => READER,
            Action::Reply { .. } => PLAYER,
            other => return Err(other.refused()),
        }))
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let get = SERVERS.map(|server| (30, Deed::Get(server.to_owned())));
        let play = SERVERS.map(|server| (15, Deed::Play(server.to_owned())));
        get.into_iter().chain(play).collect()
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        let (Deed::Get(name) | Deed::Play(name)) = deed;
        let server = index(&SERVERS, name)?;
        if let Deed::Get(_) = deed {
            return Some(self.get(server, net));
        }
        let number = self.database.len() + 1;
        let play = *PLAYS.as_flattened().get(number - 1)?;
        let event = Event::Move {
            request: self.requests.send(1, server, ()),
            user: PLAYER.into(),
            number,
            play: play.into(),
        };
        net.tell(PLAYER, server, event);
        let server = SERVERS[server];
        Some(format!("{PLAYER} sends move {number}, {play}, to {server}"))
    }

    fn started(&mut self, server: usize, _: bool, _: &mut Net<Self>) {
        self.requests.lose(server);
        self.servers[server] = Received::default();
    }

    fn received(&mut self, now: u64, server: usize, event: &Event) {
        self.now = now;
        let received = &mut self.servers[server];
        match event {
            Event::Game { moves, .. } => received.loads.push((now, moves.len())),
            Event::Appended { number, .. } => received.own = received.own.max(*number),
            _ => {}
        }
    }

    fn sent(&mut self, server: usize, action: &Action, _: When) -> Verdict {
        let (received, name, now) = (&self.servers[server], SERVERS[server], self.now);
        let came = |age: u64, enough: &dyn Fn(usize) -> bool| {
            let mut loads = received.loads.iter();
            loads.any(|(at, length)| at + age >= now && enough(*length))
        };
        match action {
            Action::ReplyGame { moves, .. } => {
                let length = moves.len();
                OWN.holds(length >= received.own, || {
                    format!(
                        "{name} replied with a game of {length} moves, and has itself stored move {}",
                        received.own
                    )
                })?;
                AGE.holds(came(TIME_TO_LIVE, &|loaded| loaded == length), || {
                    format!("no game of {length} moves has come to {name} within the last 2 s")
                })
            }
            // Half of it, because a server may count from when it asked.
            Action::Read { .. } => {
                let good = came(TIME_TO_LIVE / 2, &|length| length >= received.own);
                HIT.holds(!good, || {
                    format!(
                        "{name} asked the database for a game that had come within the last second"
                    )
                })
            }
            _ => Ok(()),
        }
    }

    fn arrived(&mut self, server: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        let connection = match action {
            Action::ReplyGame { request, .. } | Action::Reply { request, .. } => {
                self.requests.replied(request);
                return Ok(());
            }
            Action::Read { .. } => READS,
            _ => WRITES,
        };
        if let Some(answer) = self.database.answer(action) {
            net.tell(connection, server, answer);
        }
        Ok(())
    }

    fn finish(&mut self, net: &mut Net<Self>) -> Option<String> {
        let first = !std::mem::replace(&mut self.last_sent, true);
        let asked = self.requests.get(1).is_some();
        (first && asked).then(|| format!("In the end {}", self.get(0, net)))
    }

    fn at_end(&self) -> Verdict {
        let waits = self.requests.unanswered();
        ANSWERED.holds(waits.is_none(), || match waits {
            Some(0) => format!("{READER} asked for the game and has no reply"),
            _ => format!("{PLAYER} sent a move and has no reply"),
        })
    }
}
