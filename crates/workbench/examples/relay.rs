//! A first server, as the lecture wrote it: a list of users for each stock. Copy it, and make it hold.

use std::collections::HashMap;
use std::process::ExitCode;

use workbench::Server;
use workbench::relay::{Action, Event, Relay};

#[derive(Default)]
struct PubSubManager {
    subscriptions: HashMap<String, Vec<String>>,
}

impl Server<Relay> for PubSubManager {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::UserSubscribe { user, stock } => {
                let users = self.subscriptions.entry(stock.clone()).or_default();
                users.push(user);
                match users.len() {
                    1 => vec![Action::ChannelSubscribe { stock }],
                    _ => vec![],
                }
            }
            Event::UserUnsubscribe { user, stock } => {
                let users = self.subscriptions.entry(stock.clone()).or_default();
                users.retain(|other| *other != user);
                match users.len() {
                    0 => vec![Action::ChannelUnsubscribe { stock }],
                    _ => vec![],
                }
            }
            Event::Price { stock, number } => {
                let users = self.subscriptions.get(&stock).into_iter().flatten();
                let send = |user: &String| Action::Send {
                    user: user.clone(),
                    stock: stock.clone(),
                    number,
                };
                users.map(send).collect()
            }
            _ => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(PubSubManager::default)
}
