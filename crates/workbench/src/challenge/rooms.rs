//! Lessons 3 and 4: one room, and two servers that may hold it at the same time.

use serde::{Deserialize, Serialize};

use super::database::{Database, PLAYS};
use super::{Challenge, Route, Rule, Verdict, index, known};
use crate::challenge::network::{Net, When};

pub use super::game::{Action, Event};

const PLAYERS: [&str; 2] = ["Ann", "Ben"];
const SERVERS: [&str; 2] = ["server-1", "server-2"];
const DATABASE: &str = "database";

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A user opens the room, on the server to which the router sends them.
    Connect(String, String),
    /// A user sends the next move.
    Play(String),
}

const STORED: Rule = Rule {
    words: "what a user sees is stored",
    why: "A server may pause or be cut off, and another one holds the room meanwhile. Only the database \
          can say which of them is right.",
    lesson: "lessons/04-stickiness.md",
};
const ORDER: Rule = Rule {
    words: "a user sees each move after the one before it",
    why: "A user who connects late has an empty board.",
    lesson: "lessons/03-live-state.md",
};
const NUMBER: Rule = Rule {
    words: "a move is stored as the number that it was sent for, or not at all",
    why: "The user who sent it saw another board.",
    lesson: "lessons/01-stateless-server.md",
};
const ALL: Rule = Rule {
    words: "in the end every user has seen the whole game",
    why: "A user who waits for the opponent sends nothing, so no event tells the server that its copy is old.",
    lesson: "lessons/04-stickiness.md",
};
const ACCEPTED: Rule = Rule {
    words: "a move that is sent when all is well is played",
    why: "Nothing was slow and nothing had failed any more.",
    lesson: "lessons/03-live-state.md",
};

/// The users, where they are and what they see, and the database.
#[derive(Debug, Default)]
pub struct Rooms {
    database: Database,
    users: [User; 2],
    /// What was sent, and as which number.
    plays: Vec<(&'static str, usize)>,
    /// The move that is sent at the end.
    last: Option<&'static str>,
}

#[derive(Debug, Default)]
struct User {
    server: Option<usize>,
    /// Moves that this page shows.
    seen: usize,
    /// Moves that this user has sent.
    sent: usize,
}

impl Rooms {
    fn play(&mut self, at: usize, net: &mut Net<Self>) -> Option<(String, &'static str)> {
        let user = &mut self.users[at];
        let (server, play) = (user.server?, *PLAYS[at].get(user.sent)?);
        user.sent += 1;
        let (name, number) = (PLAYERS[at], user.seen + 1);
        self.plays.push((play, number));
        let event = Event::Move {
            request: self.plays.len() as u32,
            user: name.into(),
            number,
            play: play.into(),
        };
        net.tell(name, server, event);
        let server = SERVERS[server];
        Some((
            format!("{name} sends move {number}, {play}, to {server}"),
            play,
        ))
    }

    fn connect(&mut self, at: usize, server: usize, net: &mut Net<Self>) {
        let (user, name) = (&mut self.users[at], PLAYERS[at]);
        user.server = Some(server);
        user.seen = 0;
        net.open(name, server, Event::UserConnected { user: name.into() });
    }

    fn stored(&self, number: usize) -> Verdict {
        let play = self.database.get(number).unwrap_or_default();
        let sent = self.plays.iter().find(|(sent, _)| *sent == play);
        match sent {
            Some((_, meant)) => NUMBER.holds(*meant == number, || {
                format!(
                    "the move {play} was sent to be move {meant}, and is stored as move {number}"
                )
            }),
            None => NUMBER.broken(format!(
                "the move {play} is stored, and no user has sent it"
            )),
        }
    }
}

impl Challenge for Rooms {
    const NAME: &'static str = "rooms";
    const QUESTION: &'static str =
        "one room, two servers: what a user sees is stored, and all users see it";
    const SERVERS: &'static [&'static str] = &SERVERS;
    const STORES: &'static [&'static str] = &[DATABASE];
    const NAMES: &'static [&'static [&'static str]] = &[&PLAYERS, &SERVERS];
    const SLOW: &'static [(&'static str, &'static str)] =
        &[(DATABASE, SERVERS[0]), (DATABASE, SERVERS[1])];
    const CRASHES: bool = true;
    const PAUSES: bool = true;
    const WAITS: bool = true;

    type Event = Event;
    type Action = Action;
    type Deed = Deed;

    fn new() -> Self {
        Self::default()
    }

    fn route(action: &Action) -> Result<Route<Event>, String> {
        Ok(match action {
            Action::Send { user, .. } => Route::To(
                known(&PLAYERS, user).ok_or_else(|| format!("there is no user {user:?}"))?,
            ),
            Action::SetTimer { after, name } => {
                Route::Timer(*after, Event::Timer { name: name.clone() })
            }
            Action::Read { .. } | Action::Append { .. } | Action::AppendIf { .. } => {
                Route::To(DATABASE)
            }
            other => return Err(other.refused()),
        })
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let mut deeds = Vec::new();
        for user in PLAYERS.map(str::to_owned) {
            let connect = |server: &str| Deed::Connect(user.clone(), server.to_owned());
            deeds.extend(SERVERS.map(|server| (12, connect(server))));
            deeds.push((25, Deed::Play(user)));
        }
        deeds
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        match deed {
            Deed::Connect(name, server) => {
                let (at, server) = (index(&PLAYERS, name)?, index(&SERVERS, server)?);
                let (name, to) = (PLAYERS[at], SERVERS[server]);
                let before = self.users[at].server;
                if let Some(before) = before {
                    net.close(name, before, Event::UserDisconnected { user: name.into() });
                }
                self.connect(at, server, net);
                Some(match before {
                    None => format!("{name} opens the room on {to}"),
                    Some(before) if before == server => {
                        format!("{name} loads the page again, on {to}")
                    }
                    Some(_) => format!("{name} opens the room on {to} instead"),
                })
            }
            Deed::Play(name) => Some(self.play(index(&PLAYERS, name)?, net)?.0),
        }
    }

    fn started(&mut self, server: usize, _: bool, net: &mut Net<Self>) {
        // The users' connections ended; their pages connect again.
        for at in 0..PLAYERS.len() {
            if self.users[at].server == Some(server) {
                self.connect(at, server, net);
            }
        }
    }

    fn sent(&mut self, server: usize, action: &Action, _: When) -> Verdict {
        let Action::Send { user, number, play } = action else {
            return Ok(());
        };
        STORED.holds(self.database.get(*number) == Some(play), || {
            format!(
                "{} showed {user} {play} as move {number}, and the database has {}",
                SERVERS[server],
                self.database.words()
            )
        })
    }

    fn arrived(&mut self, server: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        if let Action::Send { user, number, .. } = action {
            let Some(at) = index(&PLAYERS, &user) else {
                return Ok(());
            };
            let seen = &mut self.users[at].seen;
            ORDER.holds(number <= *seen + 1, || {
                let before = number - 1;
                format!("{user} saw move {number} and had not seen move {before}")
            })?;
            *seen = (*seen).max(number);
            return Ok(());
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
        if self.last.is_some() {
            return None;
        }
        let (words, play) = (0..PLAYERS.len()).find_map(|user| self.play(user, net))?;
        self.last = Some(play);
        Some(format!("In the end {words}"))
    }

    fn at_end(&self) -> Verdict {
        let length = self.database.len();
        for (name, user) in PLAYERS.iter().zip(&self.users) {
            ALL.holds(user.server.is_none() || user.seen >= length, || {
                let game = self.database.words();
                format!("{name} has seen {} of {length} moves: {game}", user.seen)
            })?;
        }
        let played = self
            .last
            .is_none_or(|play| self.database.number_of(play).is_some());
        ACCEPTED.holds(played, || {
            let (last, game) = (self.last.unwrap_or(""), self.database.words());
            format!("the move {last} was sent and is not in the game: {game}")
        })
    }
}
