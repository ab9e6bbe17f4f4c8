//! A first server: send every price to every user. Copy it, and make it hold.

use std::collections::BTreeSet;
use std::process::ExitCode;

use workbench::Server;
use workbench::slow::{Action, Event, Slow};

#[derive(Default)]
struct Feed {
    users: BTreeSet<String>,
}

impl Server<Slow> for Feed {
    fn on(&mut self, _now: u64, event: Event) -> Vec<Action> {
        match event {
            Event::UserSubscribe { user } => {
                self.users.insert(user);
                vec![]
            }
            Event::UserUnsubscribe { user } => {
                self.users.remove(&user);
                vec![]
            }
            Event::Price { number } => {
                let send = |user: &String| Action::Send {
                    user: user.clone(),
                    number,
                    missed: 0,
                };
                self.users.iter().map(send).collect()
            }
            Event::Writable { .. } => vec![],
        }
    }
}

fn main() -> ExitCode {
    workbench::run(Feed::default)
}
