//! Lesson 1: two servers, one database, and players who send a move again if no reply comes.

use serde::{Deserialize, Serialize};

use super::database::{Database, PLAYS};
use super::requests::Requests;
use super::{Challenge, Route, Rule, Verdict, index};
use crate::challenge::network::Net;

const PLAYERS: [&str; 2] = ["Ann", "Ben"];
const SERVERS: [&str; 2] = ["server-1", "server-2"];
const DATABASE: &str = "database";

/// What a server receives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A player sends a move, to be this number of the game; the first is 1.
    Move {
        request: u32,
        number: usize,
        play: String,
    },
    /// The database's answer to `read`.
    Game { request: u32, moves: Vec<String> },
    /// To `append` and `append_if`: the move is stored as this number.
    Appended { request: u32, number: usize },
    /// To `append_if`: another number is next. Nothing was changed; this is the game.
    Conflict { request: u32, moves: Vec<String> },
}

/// What a server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Asks the database for the game. Its answer has the same `request`.
    Read { request: u32 },
    /// Stores a move at the end of the game.
    Append { request: u32, play: String },
    /// Stores a move if this number is the next one: compare and set.
    AppendIf {
        request: u32,
        number: usize,
        play: String,
    },
    /// Replies to the player of a request: whether their move is in the game, as that number.
    Reply { request: u32, played: bool },
}

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
            _ => DATABASE,
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
        let (request, stored) = match action {
            Action::Reply { request, played } => return self.reply(request, played),
            Action::Read { request } => {
                let moves = self.database.moves();
                net.tell(DATABASE, server, Event::Game { request, moves });
                return Ok(());
            }
            Action::Append { request, play } => {
                let before = self.database.number_of(&play);
                let number = self.database.append(play.clone());
                (request, Some((number, before, play)))
            }
            Action::AppendIf {
                request,
                number,
                play,
            } => {
                let before = self.database.number_of(&play);
                let stored = self.database.append_if(number, play.clone());
                (request, stored.map(|number| (number, before, play)))
            }
        };
        let Some((number, before, play)) = stored else {
            let moves = self.database.moves();
            net.tell(DATABASE, server, Event::Conflict { request, moves });
            return Ok(());
        };
        if let Some(before) = before {
            return ONCE.broken(format!(
                "the move {play} was sent to be played once, and is in the game as number {before} and as number {number}"
            ));
        }
        net.tell(DATABASE, server, Event::Appended { request, number });
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
