//! A first server: the room is in memory, and the database gets a copy. Copy it, and make it hold.

use std::collections::BTreeSet;
use std::process::ExitCode;

use workbench::Server;
use workbench::rooms::{Action, Event, Rooms};

#[derive(Default)]
struct Room {
    moves: Vec<String>,
    users: BTreeSet<String>,
}

impl Room {
    fn send(&self, number: usize, play: &str) -> Vec<Action> {
        let send = |user: &String| Action::Send {
            user: user.clone(),
            number,
            play: play.to_owned(),
        };
        self.users.iter().map(send).collect()
    }
}

impl Server<Rooms> for Room {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::UserConnected { user } => {
                self.users.insert(user);
                vec![Action::Read { request: 0 }]
            }
            Event::UserDisconnected { user } => {
                self.users.remove(&user);
                vec![]
            }
            Event::Game { moves, .. } => {
                self.moves = moves;
                let moves = self.moves.iter().enumerate();
                moves
                    .flat_map(|(at, play)| self.send(at + 1, play))
                    .collect()
            }
            Event::Move {
                request,
                number,
                play,
                ..
            } if number == self.moves.len() + 1 => {
                self.moves.push(play.clone());
                let mut actions = self.send(number, &play);
                actions.push(Action::Append { request, play });
                actions
            }
            _ => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(Room::default)
}
