//! A first server: a manager with a list, as in lessons 5 to 10. Copy it, and make it hold.

use std::collections::BTreeSet;
use std::process::ExitCode;

use workbench::Server;
use workbench::instance::{Action, Event, Instance};

#[derive(Default)]
struct GameManager {
    games: BTreeSet<String>,
}

impl Server<Instance> for GameManager {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::AddGame { request, game } => {
                self.games.insert(game);
                vec![Action::ReplyAdded { request }]
            }
            Event::CountGames { request } => {
                let games = self.games.len();
                vec![Action::ReplyCount { request, games }]
            }
            _ => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(GameManager::default)
}
