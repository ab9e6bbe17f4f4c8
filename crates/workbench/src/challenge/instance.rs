//! Lessons 5 to 10: two servers and one list of games. Where does it live?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::requests::Requests;
use super::{Challenge, Route, Rule, Verdict, index};
use crate::challenge::network::Net;

const USERS: [&str; 2] = ["Ann", "Ben"];
const SERVERS: [&str; 2] = ["server-1", "server-2"];
const STORE: &str = "store";
const LOGGER: &str = "logger";
/// The games that each user adds, one after the other.
const GAMES: [[&str; 3]; 2] = [
    ["opera", "immortal", "evergreen"],
    ["octopus", "century", "pearl"],
];

/// What a server receives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A user adds a game.
    AddGame { request: u32, game: String },
    /// The logger wants to know how many games there are.
    CountGames { request: u32 },
    /// The store's answer to `map_get`; `null` if the key has no value.
    MapValue {
        request: u32,
        key: String,
        value: Option<u32>,
    },
    /// The store's answer to `map_set` and `map_add`: the new value.
    MapChanged {
        request: u32,
        key: String,
        value: u32,
    },
    /// The store's answer to `set_add` and `set_size`: how many members the set has.
    SetSize {
        request: u32,
        key: String,
        size: usize,
    },
}

/// What a server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Asks the store for a number. Its answer has the same `request` and `key`.
    MapGet { request: u32, key: String },
    /// Stores a number.
    MapSet {
        request: u32,
        key: String,
        value: u32,
    },
    /// Adds one to a number, which is 0 at first.
    MapAdd { request: u32, key: String },
    /// Adds a member to a set, which is empty at first. A member is in a set once.
    SetAdd {
        request: u32,
        key: String,
        member: String,
    },
    /// Asks for the size of a set.
    SetSize { request: u32, key: String },
    /// Replies to `add_game`: it is added.
    ReplyAdded { request: u32 },
    /// Replies to `count_games`.
    ReplyCount { request: u32, games: usize },
}

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A user adds a game through a server; the last one again if it has no reply.
    Add(String, String),
    /// The logger asks a server.
    Count(String),
}

const SEEN: Rule = Rule {
    words: "a game that was added is counted, by every server",
    why: "Each server has a memory of its own, and loses it in a crash. Where does the list of games live?",
    lesson: "lessons/07-bad-game.md",
};
const ONCE: Rule = Rule {
    words: "a game is counted once, and only if it was added",
    why: "A user without a reply adds the same game again, through any server.",
    lesson: "lessons/10-singleton-game.md",
};
const ANSWERED: Rule = Rule {
    words: "in the end every request has a reply",
    why: "Nothing is slow any more, and the server has not crashed since it received the request.",
    lesson: "lessons/05-module-store.md",
};

/// The users, the logger, and the store outside of both servers.
#[derive(Debug, Default)]
pub struct Instance {
    map: BTreeMap<String, u32>,
    set: BTreeMap<String, BTreeSet<String>>,
    requests: Requests<&'static str>,
    /// Requests of the logger: how many games were added for certain when it asked, and the server; taken
    /// out by the reply.
    counts: BTreeMap<u32, (usize, usize)>,
    sent: BTreeSet<&'static str>,
    added: BTreeSet<&'static str>,
    last_counts: usize,
}

/// Ids of the logger's requests begin here; a user's request never has as many before it.
const FIRST_COUNT: u32 = 1_000;

impl Instance {
    fn add(&mut self, user: usize, server: usize, net: &mut Net<Self>) -> Option<String> {
        let open = self.requests.open(user).map(|request| request.what);
        let next = || {
            let mut games = GAMES[user].iter();
            games.find(|game| !self.sent.contains(*game)).copied()
        };
        let game = open.or_else(next)?;
        self.sent.insert(game);
        let request = self.requests.send(user, server, game);
        let (name, to) = (USERS[user], SERVERS[server]);
        let event = Event::AddGame {
            request,
            game: game.to_owned(),
        };
        net.tell(name, server, event);
        Some(match open {
            Some(_) => format!("{name} has no reply and adds the game {game} again, through {to}"),
            None => format!("{name} adds the game {game} through {to}"),
        })
    }

    fn count(&mut self, server: usize, net: &mut Net<Self>) -> String {
        let request = FIRST_COUNT + net.sent as u32;
        self.counts.insert(request, (self.added.len(), server));
        net.tell(LOGGER, server, Event::CountGames { request });
        format!("The logger asks {} for the count", SERVERS[server])
    }
}

impl Challenge for Instance {
    const NAME: &'static str = "instance";
    const QUESTION: &'static str = "two servers, one list of games: where does it live?";
    const SERVERS: &'static [&'static str] = &SERVERS;
    const STORES: &'static [&'static str] = &[STORE];
    const NAMES: &'static [&'static [&'static str]] = &[&USERS, &SERVERS];
    const SLOW: &'static [(&'static str, &'static str)] = &[
        (STORE, SERVERS[0]),
        (STORE, SERVERS[1]),
        (SERVERS[0], STORE),
        (SERVERS[1], STORE),
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
            Action::ReplyAdded { .. } => "user",
            Action::ReplyCount { .. } => LOGGER,
            _ => STORE,
        }))
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let add = |user: &str, server: &str| Deed::Add(user.to_owned(), server.to_owned());
        let adds = USERS
            .iter()
            .flat_map(|user| SERVERS.map(|server| (20, add(user, server))));
        let counts = SERVERS.map(|server| (10, Deed::Count(server.to_owned())));
        adds.chain(counts).collect()
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        match deed {
            Deed::Add(user, server) => {
                self.add(index(&USERS, user)?, index(&SERVERS, server)?, net)
            }
            Deed::Count(server) => Some(self.count(index(&SERVERS, server)?, net)),
        }
    }

    fn started(&mut self, server: usize, _: bool, _: &mut Net<Self>) {
        self.requests.lose(server);
        self.counts.retain(|_, (_, asked)| *asked != server);
    }

    fn arrived(&mut self, server: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        let answer = match action {
            Action::MapGet { request, key } => Event::MapValue {
                request,
                value: self.map.get(&key).copied(),
                key,
            },
            Action::MapSet {
                request,
                key,
                value,
            } => {
                self.map.insert(key.clone(), value);
                Event::MapChanged {
                    request,
                    key,
                    value,
                }
            }
            Action::MapAdd { request, key } => {
                let value = self.map.entry(key.clone()).or_default();
                *value += 1;
                Event::MapChanged {
                    request,
                    key,
                    value: *value,
                }
            }
            Action::SetAdd {
                request,
                key,
                member,
            } => {
                let set = self.set.entry(key.clone()).or_default();
                set.insert(member);
                let size = set.len();
                Event::SetSize { request, key, size }
            }
            Action::SetSize { request, key } => {
                let size = self.set.get(&key).map_or(0, BTreeSet::len);
                Event::SetSize { request, key, size }
            }
            Action::ReplyAdded { request } => {
                let Some(sent) = self.requests.get(request) else {
                    return ANSWERED
                        .broken(format!("a reply to request {request}, which was not sent"));
                };
                self.added.insert(sent.what);
                self.requests.replied(request);
                return Ok(());
            }
            Action::ReplyCount { request, games } => {
                // A second reply, or one of a server that has crashed since.
                let Some((least, _)) = self.counts.remove(&request) else {
                    return Ok(());
                };
                let (name, most) = (SERVERS[server], self.sent.len());
                SEEN.holds(games >= least, || {
                    format!("{name} counted {games} games, and {least} had been added")
                })?;
                return ONCE.holds(games <= most, || {
                    format!("{name} counted {games} games, and users have sent {most}")
                });
            }
        };
        net.tell(STORE, server, answer);
        Ok(())
    }

    fn finish(&mut self, net: &mut Net<Self>) -> Option<String> {
        if let Some(user) = self.requests.lost() {
            let words = self.add(user, 0, net)?;
            return Some(format!("In the end {words}"));
        }
        let server = self.last_counts;
        (server < SERVERS.len()).then(|| {
            self.last_counts += 1;
            let words = self.count(server, net);
            format!("In the end {}", words.replacen("The", "the", 1))
        })
    }

    fn at_end(&self) -> Verdict {
        let waits = self.requests.unanswered();
        ANSWERED.holds(waits.is_none(), || {
            let name = waits.map_or("", |user| USERS[user]);
            format!("{name} has added a game and has no reply")
        })?;
        ANSWERED.holds(self.counts.is_empty(), || {
            "the logger has asked for the count and has no reply".to_owned()
        })
    }
}
