//! Lesson 1: two servers, one database, and players who send a move again if no reply comes.

use serde::{Deserialize, Serialize};

use super::database::{Database, PLAYS};
use super::requests::Requests;
use super::{Challenge, Route, Rule, Verdict, index};
use crate::challenge::network::Net;

pub use super::game::{Action, Event};

const PLAYERS: [&str; 2] = ["Ann", "Ben"];
const SERVERS: [&str; 2] = ["server-1", "server-2"];
const DATABASE: &str = "database";

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A player sends a move to a server; the last one again if it has no reply.
    Play(String, String),
}

const LESSON: &str = "lessons/01-stateless-server.md";
const ONCE: Rule = Rule {
    words: "a move that is sent twice is played once",
    why: "A player without a reply cannot know whether the move was played, and sends it again, to any server.",
    lesson: LESSON,
};
const PLAYED: Rule = Rule {
    words: "after the reply `played: true` the move is in the game, as the number that it was sent for",
    why: "Between a server's read and its write, another server may write.",
    lesson: LESSON,
};
const TAKEN: Rule = Rule {
    words: "after the reply `played: false` another move is in its place",
    why: "The database refuses a number that is taken. By which move?",
    lesson: LESSON,
};
const ANSWERED: Rule = Rule {
    words: "in the end every player has a reply",
    why: "Nothing is slow any more, and the server has not crashed since it received the request.",
    lesson: LESSON,
};

/// A move, and the number that it is sent for.
type Play = (usize, &'static str);

/// The players, the database, and what was promised.
#[derive(Debug, Default)]
pub struct Moves {
    database: Database,
    requests: Requests<Play>,
    /// How long the game is, as far as each player knows.
    known: [usize; 2],
    /// How many moves each player has sent.
    sent: [usize; 2],
}

impl Moves {
    fn send(&mut self, player: usize, server: usize, net: &mut Net<Self>) -> Option<String> {
        let open = self.requests.open(player).map(|request| request.what);
        let (number, play) = match open {
            Some(what) => what,
            None => (
                self.known[player] + 1,
                *PLAYS[player].get(self.sent[player])?,
            ),
        };
        self.sent[player] += usize::from(open.is_none());
        let request = self.requests.send(player, server, (number, play));
        let (name, to) = (PLAYERS[player], SERVERS[server]);
        let event = Event::Move {
            request,
            user: name.into(),
            number,
            play: play.into(),
        };
        net.tell(name, server, event);
        Some(match open {
            Some(_) => {
                format!("{name} has no reply and sends move {number}, {play}, again, to {to}")
            }
            None => format!("{name} sends move {number}, {play}, to {to}"),
        })
    }

    fn stored(&self, number: usize) -> Verdict {
        let play = self.database.get(number).unwrap_or_default();
        let before = self.database.number_of(play);
        ONCE.holds(before == Some(number), || {
            let before = before.unwrap_or_default();
            format!("the move {play} was sent to be played once, and is in the game as number {before} and as number {number}")
        })
    }

    fn reply(&mut self, request: u32, played: bool) -> Verdict {
        let Some(sent) = self.requests.get(request) else {
            return ANSWERED.broken(format!("a reply to request {request}, which was not sent"));
        };
        let (player, (number, play)) = (sent.user, sent.what);
        let (name, game) = (PLAYERS[player], self.database.words());
        let there = self.database.get(number);
        if played {
            PLAYED.holds(there == Some(play), || {
                format!("{name} got the reply that {play} is played as number {number}, and the game is: {game}")
            })?;
        } else {
            TAKEN.holds(there.is_some_and(|there| there != play), || {
                format!("{name} got the reply that {play} is not played as number {number}, and the game is: {game}")
            })?;
        }
        self.requests.replied(request);
        // A player whose move was refused reads the game again.
        let length = if played { number } else { self.database.len() };
        self.known[player] = self.known[player].max(length);
        Ok(())
    }
}

impl Challenge for Moves {
    const NAME: &'static str = "moves";
    const QUESTION: &'static str =
        "two servers, one database: a move that is sent twice is played once";
    const SERVERS: &'static [&'static str] = &SERVERS;
    const STORES: &'static [&'static str] = &[DATABASE];
    const NAMES: &'static [&'static [&'static str]] = &[&PLAYERS, &SERVERS];
    const SLOW: &'static [(&'static str, &'static str)] = &[
        (DATABASE, SERVERS[0]),
        (DATABASE, SERVERS[1]),
        (SERVERS[0], DATABASE),
        (SERVERS[1], DATABASE),
    ];
    const CRASHES: bool = true;
    const WAITS: bool = false;

    type Event = Event;
    type Action = Action;
    type Deed = Deed;

    fn new() -> Self {
        Self::default()
    }

    fn route(action: &Action) -> Result<Route<Event>, String> {
        Ok(Route::To(match action {
            Action::Reply { .. } => "player",
            Action::Read { .. } | Action::Append { .. } | Action::AppendIf { .. } => DATABASE,
            other => return Err(other.refused()),
        }))
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let all = PLAYERS
            .iter()
            .flat_map(|player| SERVERS.map(|server| (*player, server)));
        all.map(|(player, server)| (25, Deed::Play(player.into(), server.into())))
            .collect()
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        let Deed::Play(player, server) = deed;
        self.send(index(&PLAYERS, player)?, index(&SERVERS, server)?, net)
    }

    fn started(&mut self, server: usize, _: bool, _: &mut Net<Self>) {
        self.requests.lose(server);
    }

    fn arrived(&mut self, server: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        if let Action::Reply { request, played } = action {
            return self.reply(request, played);
        }
        let Some(answer) = self.database.answer(action) else {
            return Ok(());
        };
        if let Event::Appended { number, .. } = answer {
            self.stored(number)?;
        }
        net.tell(DATABASE, server, answer);
        Ok(())
    }

    fn finish(&mut self, net: &mut Net<Self>) -> Option<String> {
        let player = self.requests.lost()?;
        let words = self.send(player, 0, net)?;
        Some(format!("In the end {words}"))
    }

    fn at_end(&self) -> Verdict {
        let waits = self.requests.unanswered();
        ANSWERED.holds(waits.is_none(), || {
            let name = waits.map_or("", |player| PLAYERS[player]);
            format!("{name} sent a move and has no reply")
        })
    }
}
