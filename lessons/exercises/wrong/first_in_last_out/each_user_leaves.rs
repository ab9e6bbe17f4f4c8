// refused by: each_stock_has_its_own_users_and_a_stranger_who_leaves_changes_nothing, leaving_twice_unsubscribes_once, subscribing_twice_counts_once

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
