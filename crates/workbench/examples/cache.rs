//! A first server: keep a copy for 2 s, and drop it when a move is stored. Copy it, and make it hold.

use std::process::ExitCode;

use workbench::Server;
use workbench::cache::{Action, Cache, Event};

#[derive(Default)]
struct Copied {
    /// The moves, and until when they are good.
    copy: Option<(Vec<String>, u64)>,
}

impl Server<Cache> for Copied {
    fn on(&mut self, now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::Get { request } => match &self.copy {
                Some((moves, until)) if now < *until => {
                    let moves = moves.clone();
                    vec![Action::ReplyGame { request, moves }]
                }
                _ => vec![Action::Read { request }],
            },
            Event::Game { request, moves } => {
                self.copy = Some((moves.clone(), now + 2_000));
                vec![Action::ReplyGame { request, moves }]
            }
            Event::Move {
                request,
                number,
                play,
                ..
            } => vec![Action::AppendIf {
                request,
                number,
                play,
            }],
            Event::Appended { request, .. } => {
                self.copy = None;
                let played = true;
                vec![Action::Reply { request, played }]
            }
            Event::Conflict { request, .. } => {
                let played = false;
                vec![Action::Reply { request, played }]
            }
            _ => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(Copied::default)
}
