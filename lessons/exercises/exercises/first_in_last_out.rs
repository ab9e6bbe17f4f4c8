// 30 minutes. Lesson: lessons/11-naive-pubsub.md
// fails with: subscribing_twice_counts_once, leaving_twice_unsubscribes_once, an_emptied_stock_is_not_kept
//
// The first user of a stock makes the server SUBSCRIBE, the last one makes it
// UNSUBSCRIBE. Three faults: a user who subscribes twice counts twice, leaving
// twice sends two UNSUBSCRIBEs, and an emptied stock stays in the map.
//
// TODO: fix the three faults.

use std::collections::HashMap;

#[derive(Default)]
pub struct PubSubManager {
    users: HashMap<String, Vec<u32>>,
    commands: Vec<String>,
}

impl PubSubManager {
    pub fn user_subscribe(&mut self, user: u32, stock: &str) {
        let users = self.users.entry(stock.to_string()).or_default();
        users.push(user);
        if users.len() == 1 {
            self.commands.push(format!("SUBSCRIBE {stock}"));
        }
    }

    pub fn user_unsubscribe(&mut self, user: u32, stock: &str) {
        let users = self.users.entry(stock.to_string()).or_default();
        users.retain(|other| *other != user);
        if users.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribing_twice_counts_once() {
        let mut manager = PubSubManager::default();
        manager.user_subscribe(1, "APPL");
        manager.user_subscribe(1, "APPL");
        assert_eq!(manager.users_of("APPL"), 1);
        // Not only directly after one another.
        for user in [2, 1, 3, 2, 1, 3] {
            manager.user_subscribe(user, "APPL");
        }
        assert_eq!(manager.users_of("APPL"), 3);
        assert_eq!(manager.commands(), ["SUBSCRIBE APPL"]);
        for (left, user) in [(2, 1), (1, 3), (0, 2)] {
            manager.user_unsubscribe(user, "APPL");
            assert_eq!(manager.users_of("APPL"), left);
        }
        assert_eq!(manager.commands(), ["SUBSCRIBE APPL", "UNSUBSCRIBE APPL"]);
    }

    #[test]
    fn leaving_twice_unsubscribes_once() {
        let mut manager = PubSubManager::default();
        manager.user_subscribe(1, "APPL");
        manager.user_subscribe(2, "APPL");
        manager.user_unsubscribe(1, "APPL");
        assert_eq!(manager.commands(), ["SUBSCRIBE APPL"]);
        manager.user_unsubscribe(2, "APPL");
        manager.user_unsubscribe(2, "APPL");
        assert_eq!(manager.commands(), ["SUBSCRIBE APPL", "UNSUBSCRIBE APPL"]);
    }

    #[test]
    fn each_stock_has_its_own_users_and_a_stranger_who_leaves_changes_nothing() {
        let mut manager = PubSubManager::default();
        manager.user_subscribe(1, "APPL");
        manager.user_subscribe(1, "TSLA");
        manager.user_subscribe(2, "TSLA");
        manager.user_unsubscribe(2, "TSLA");
        manager.user_unsubscribe(3, "TSLA");
        manager.user_unsubscribe(1, "APPL");
        manager.user_subscribe(1, "APPL");
        let commands = [
            "SUBSCRIBE APPL",
            "SUBSCRIBE TSLA",
            "UNSUBSCRIBE APPL",
            "SUBSCRIBE APPL",
        ];
        assert_eq!(manager.commands(), commands);
        assert_eq!((manager.users_of("APPL"), manager.users_of("TSLA")), (1, 1));
    }

    #[test]
    fn an_emptied_stock_is_not_kept() {
        let mut manager = PubSubManager::default();
        manager.user_subscribe(1, "APPL");
        manager.user_unsubscribe(1, "APPL");
        assert_eq!(manager.stocks(), 0, "the map keeps an empty stock");
    }
}
