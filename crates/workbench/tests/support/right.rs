//! A right server in Rust for each challenge. No page shows them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use workbench::Server;
use workbench::cache::{self, Cache};
use workbench::instance::{self, Instance};
use workbench::moves::{self, Moves};
use workbench::relay::{self, Relay};
use workbench::rooms::{self, Rooms};
use workbench::slow::{self, Slow};

/// The database compares and sets; the move that is in the way may be the same one.
#[derive(Default)]
pub(crate) struct Api {
    asked: HashMap<u32, (usize, String)>,
}

impl Server<Moves> for Api {
    fn on(&mut self, _now: u64, event: moves::Event) -> Vec<moves::Action> {
        match event {
            moves::Event::Move {
                request,
                number,
                play,
                ..
            } => {
                self.asked.insert(request, (number, play.clone()));
                vec![moves::Action::AppendIf {
                    request,
                    number,
                    play,
                }]
            }
            moves::Event::Appended { request, .. } => {
                let played = true;
                vec![moves::Action::Reply { request, played }]
            }
            moves::Event::Conflict { request, moves } => {
                let (number, play) = &self.asked[&request];
                let played = moves.get(number - 1) == Some(play);
                vec![moves::Action::Reply { request, played }]
            }
            _ => vec![],
        }
    }
}

/// A game that was read before this server's last move is not kept, and not shown.
#[derive(Default)]
pub(crate) struct Copied {
    /// The moves, and until when they are good.
    copy: Option<(Vec<String>, u64)>,
    /// The number of the last move that was stored through this server.
    stored: usize,
}

impl Server<Cache> for Copied {
    fn on(&mut self, now: u64, event: cache::Event) -> Vec<cache::Action> {
        match event {
            cache::Event::Get { request } => match &self.copy {
                Some((moves, until)) if now < *until => {
                    let moves = moves.clone();
                    vec![cache::Action::ReplyGame { request, moves }]
                }
                _ => vec![cache::Action::Read { request }],
            },
            cache::Event::Game { request, moves } => {
                if moves.len() < self.stored {
                    return vec![cache::Action::Read { request }];
                }
                self.copy = Some((moves.clone(), now + 2_000));
                vec![cache::Action::ReplyGame { request, moves }]
            }
            cache::Event::Move {
                request,
                number,
                play,
                ..
            } => vec![cache::Action::AppendIf {
                request,
                number,
                play,
            }],
            cache::Event::Appended { request, number } => {
                self.stored = self.stored.max(number);
                self.copy.take_if(|(moves, _)| moves.len() < number);
                let played = true;
                vec![cache::Action::Reply { request, played }]
            }
            cache::Event::Conflict { request, .. } => {
                let played = false;
                vec![cache::Action::Reply { request, played }]
            }
            _ => vec![],
        }
    }
}

/// The database decides, memory follows it, and a timer looks for what another server has stored.
#[derive(Default)]
pub(crate) struct Room {
    moves: Vec<String>,
    /// How many moves each user has been sent.
    users: BTreeMap<String, usize>,
}

impl Room {
    fn look() -> Vec<rooms::Action> {
        let timer = rooms::Action::SetTimer {
            after: 1_000,
            name: "look".into(),
        };
        vec![rooms::Action::Read { request: 0 }, timer]
    }

    /// Takes a game that is at least as long as the one in memory, and sends each user the rest.
    fn show(&mut self, moves: Vec<String>) -> Vec<rooms::Action> {
        if moves.len() > self.moves.len() {
            self.moves = moves;
        }
        let mut actions = Vec::new();
        for (user, sent) in &mut self.users {
            let rest = self.moves.iter().enumerate().skip(*sent);
            actions.extend(rest.map(|(at, play)| rooms::Action::Send {
                user: user.clone(),
                number: at + 1,
                play: play.clone(),
            }));
            *sent = self.moves.len();
        }
        actions
    }
}

impl Server<Rooms> for Room {
    fn on(&mut self, _now: u64, event: rooms::Event) -> Vec<rooms::Action> {
        match event {
            rooms::Event::UserConnected { user } => {
                self.users.insert(user, 0);
                match self.users.len() {
                    1 => Self::look(),
                    _ => vec![rooms::Action::Read { request: 0 }],
                }
            }
            rooms::Event::UserDisconnected { user } => {
                self.users.remove(&user);
                vec![]
            }
            rooms::Event::Move {
                request,
                number,
                play,
                ..
            } => vec![rooms::Action::AppendIf {
                request,
                number,
                play,
            }],
            rooms::Event::Appended { request, .. } => vec![rooms::Action::Read { request }],
            rooms::Event::Game { moves, .. } | rooms::Event::Conflict { moves, .. } => {
                self.show(moves)
            }
            rooms::Event::Timer { .. } if !self.users.is_empty() => Self::look(),
            _ => vec![],
        }
    }
}

/// The list is a set in the store, outside of both servers.
#[derive(Default)]
pub(crate) struct GameManager {
    /// Requests whose game is on its way to the store.
    adds: BTreeSet<u32>,
}

impl Server<Instance> for GameManager {
    fn on(&mut self, _now: u64, event: instance::Event) -> Vec<instance::Action> {
        let key = || "games".to_owned();
        let action = match event {
            instance::Event::AddGame { request, game } => {
                self.adds.insert(request);
                instance::Action::SetAdd {
                    request,
                    key: key(),
                    member: game,
                }
            }
            instance::Event::CountGames { request } => {
                let key = key();
                instance::Action::SetSize { request, key }
            }
            instance::Event::SetSize { request, .. } if self.adds.remove(&request) => {
                instance::Action::ReplyAdded { request }
            }
            instance::Event::SetSize {
                request,
                size: games,
                ..
            } => instance::Action::ReplyCount { request, games },
            _ => return vec![],
        };
        vec![action]
    }
}

/// What users want, what was asked for on this connection, and the difference.
#[derive(Default)]
pub(crate) struct PubSubManager {
    /// By (stock, user).
    wanted: BTreeSet<(String, String)>,
    asked: BTreeSet<String>,
}

impl Server<Relay> for PubSubManager {
    fn on(&mut self, _now: u64, event: relay::Event) -> Vec<relay::Action> {
        match event {
            relay::Event::Connected => self.asked.clear(),
            relay::Event::UserSubscribe { user, stock } => {
                self.wanted.insert((stock, user));
            }
            relay::Event::UserUnsubscribe { user, stock } => {
                self.wanted.remove(&(stock, user));
            }
            relay::Event::UserDisconnected { user } => {
                self.wanted.retain(|(_, other)| *other != user);
            }
            relay::Event::Price { stock, number } => {
                let users = self.wanted.iter().filter(|(other, _)| *other == stock);
                let send = |(stock, user): &(String, String)| relay::Action::Send {
                    user: user.clone(),
                    stock: stock.clone(),
                    number,
                };
                return users.map(send).collect();
            }
            _ => {}
        }
        let wanted: BTreeSet<_> = self.wanted.iter().map(|(stock, _)| stock.clone()).collect();
        let subscribe = wanted.difference(&self.asked).cloned();
        let subscribe = subscribe.map(|stock| relay::Action::ChannelSubscribe { stock });
        let unsubscribe = self.asked.difference(&wanted).cloned();
        let unsubscribe = unsubscribe.map(|stock| relay::Action::ChannelUnsubscribe { stock });
        let actions = subscribe.chain(unsubscribe).collect();
        self.asked = wanted;
        actions
    }
}

/// For each socket whether it is full, and for each subscription the newest price and a count.
#[derive(Default)]
pub(crate) struct Feed {
    /// A socket stays full when its user unsubscribes.
    users: BTreeMap<String, Socket>,
}

#[derive(Default)]
struct Socket {
    is_full: bool,
    is_subscribed: bool,
    /// Prices since the last one that was written.
    since: u32,
    newest: u32,
}

impl Socket {
    fn send(&mut self, user: &str) -> Option<slow::Action> {
        if self.is_full || self.since == 0 {
            return None;
        }
        self.is_full = true;
        Some(slow::Action::Send {
            user: user.to_owned(),
            number: self.newest,
            missed: std::mem::take(&mut self.since) - 1,
        })
    }

    fn subscribe(&mut self, subscribe: bool) {
        if self.is_subscribed != subscribe {
            self.is_subscribed = subscribe;
            self.since = 0;
        }
    }
}

impl Server<Slow> for Feed {
    fn on(&mut self, _now: u64, event: slow::Event) -> Vec<slow::Action> {
        match event {
            slow::Event::UserSubscribe { user } => {
                self.users.entry(user).or_default().subscribe(true);
                vec![]
            }
            slow::Event::UserUnsubscribe { user } => {
                self.users.entry(user).or_default().subscribe(false);
                vec![]
            }
            slow::Event::Price { number } => {
                let subscribed = self.users.iter_mut().filter(|(_, it)| it.is_subscribed);
                let offered = subscribed.filter_map(|(user, socket)| {
                    socket.since += 1;
                    socket.newest = number;
                    socket.send(user)
                });
                offered.collect()
            }
            slow::Event::Writable { user } => {
                let socket = self.users.entry(user.clone()).or_default();
                socket.is_full = false;
                socket.send(&user).into_iter().collect()
            }
        }
    }
}
