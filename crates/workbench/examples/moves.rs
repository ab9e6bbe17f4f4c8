//! A first server: read the game, compare, append. Copy it, and make it hold.

use std::collections::HashMap;
use std::process::ExitCode;

use workbench::Server;
use workbench::moves::{Action, Event, Moves};

#[derive(Default)]
struct Api {
    asked: HashMap<u32, (usize, String)>,
}

impl Server<Moves> for Api {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::Move {
                request,
                number,
                play,
                ..
            } => {
                self.asked.insert(request, (number, play));
                vec![Action::Read { request }]
            }
            Event::Game { request, moves } => {
                let Some((number, play)) = self.asked.get(&request).cloned() else {
                    return vec![];
                };
                let there = moves.get(number - 1);
                if there == Some(&play) || moves.len() + 1 != number {
                    let played = there == Some(&play);
                    return vec![Action::Reply { request, played }];
                }
                vec![Action::Append { request, play }]
            }
            Event::Appended { request, .. } => {
                let played = true;
                vec![Action::Reply { request, played }]
            }
            _ => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(Api::default)
}
