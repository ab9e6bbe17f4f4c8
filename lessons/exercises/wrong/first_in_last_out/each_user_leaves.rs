// 30 minutes. Lesson: lessons/11-naive-pubsub.md
// fails with: subscribing_twice_counts_once, leaving_twice_unsubscribes_once, an_emptied_stock_is_not_kept
//
// The first user of a stock makes the server SUBSCRIBE, the last one makes it
// UNSUBSCRIBE. Three faults: a user who subscribes twice counts twice, leaving
// twice sends two UNSUBSCRIBEs, and an emptied stock stays in the map.

use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub struct PubSubManager {
    users: HashMap<String, HashSet<u32>>,
    commands: Vec<String>,
}

impl PubSubManager {
    pub fn user_subscribe(&mut self, user: u32, stock: &str) {
        let users = self.users.entry(stock.to_string()).or_default();
        if users.insert(user) && users.len() == 1 {
            self.commands.push(format!("SUBSCRIBE {stock}"));
        }
    }

    pub fn user_unsubscribe(&mut self, user: u32, stock: &str) {
        let Some(users) = self.users.get_mut(stock) else {
            return;
        };
        if users.remove(&user) {
            self.users.remove(stock);
            self.commands.push(format!("UNSUBSCRIBE {stock}"));
        }
    }

    pub fn users_of(&self, stock: &str) -> usize {
        self.users.get(stock).map_or(0, |users| users.len())
    }

    pub fn stocks(&self) -> usize {
        self.users.len()
    }

    pub fn commands(&self) -> &[String] {
        &self.commands
    }
}

fn main() {
    let mut manager = PubSubManager::default();
    manager.user_subscribe(1, "APPL");
    manager.user_unsubscribe(1, "APPL");
    manager.user_unsubscribe(1, "APPL");
    println!("{:?}", manager.commands());
    println!("{} users", manager.users_of("APPL"));
    println!("{} stocks", manager.stocks());
}
