//! Lesson 13a: a user who does not keep up gets the newest price, and how many were missed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Challenge, Route, Rule, Verdict, known};
use crate::challenge::network::{Net, When};

const USERS: [&str; 2] = ["Ann", "Ben"];
const SERVER: &str = "server";
const BROKER: &str = "broker";

/// What the server receives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A user wants prices from now on.
    UserSubscribe { user: String },
    /// A user wants no more prices.
    UserUnsubscribe { user: String },
    /// A price; the next one has the next number.
    Price { number: u32 },
    /// The user's socket has taken what was written, and has room for one price again.
    Writable { user: String },
}

/// What the server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Writes a price to a user's socket, and how many were missed before it.
    Send {
        user: String,
        number: u32,
        missed: u32,
    },
}

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A user subscribes.
    UserSubscribe(String),
    /// A user unsubscribes.
    UserUnsubscribe(String),
    /// A price is published.
    Publish,
}

const LESSON: &str = "lessons/13a-one-price.md";
const ONE: Rule = Rule {
    words: "one price at a time is written to a socket, the next when the socket is writable",
    why: "What waits in a queue is old when it arrives.",
    lesson: LESSON,
};
const NEWEST: Rule = Rule {
    words: "a price that is written is the newest",
    why: "An old price is worth nothing to a user who was slow.",
    lesson: LESSON,
};
const MISSED: Rule = Rule {
    words: "`missed` is the number of prices for this user between the last one that was written and this one",
    why: "Counting begins when a user subscribes, and each missed price is reported once.",
    lesson: LESSON,
};
const HOLDS: Rule = Rule {
    words: "a user whose socket is writable has the newest price",
    why: "A price came while the socket was full, and was not written when there was room.",
    lesson: LESSON,
};
const STRANGER: Rule = Rule {
    words: "nothing is sent to a user who is not subscribed",
    why: "A price may be pending for a user who unsubscribes.",
    lesson: LESSON,
};

/// The users and their sockets.
#[derive(Debug)]
pub struct Slow {
    newest: u32,
    users: BTreeMap<&'static str, User>,
}

/// What the server knows of a user, from what it has received.
#[derive(Debug, Default)]
struct User {
    subscribed: bool,
    full: bool,
    /// Prices since the last one that was written.
    since: u32,
    newest: u32,
    written: u32,
}

impl Slow {
    fn user(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(name)
    }
}

impl Challenge for Slow {
    const NAME: &'static str = "slow";
    const QUESTION: &'static str = "a slow user gets the newest price, and how many were missed";
    const SERVERS: &'static [&'static str] = &[SERVER];
    const NAMES: &'static [&'static [&'static str]] = &[&USERS];
    const SLOW: &'static [(&'static str, &'static str)] = &[(SERVER, USERS[0]), (SERVER, USERS[1])];
    const CRASHES: bool = false;
    const WAITS: bool = false;

    type Event = Event;
    type Action = Action;
    type Deed = Deed;

    fn new() -> Self {
        Self {
            newest: 0,
            users: USERS.map(|user| (user, User::default())).into(),
        }
    }

    fn route(action: &Action) -> Result<Route<Event>, String> {
        let Action::Send { user, .. } = action;
        let user = known(&USERS, user).ok_or_else(|| format!("there is no user {user:?}"))?;
        Ok(Route::To(user))
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let mut deeds = vec![(60, Deed::Publish)];
        for user in USERS.map(str::to_owned) {
            deeds.push((15, Deed::UserSubscribe(user.clone())));
            deeds.push((5, Deed::UserUnsubscribe(user)));
        }
        deeds
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        match deed {
            Deed::UserSubscribe(user) => {
                let user = known(&USERS, user)?;
                net.tell(user, 0, Event::UserSubscribe { user: user.into() });
                let again = match self.users[user].subscribed {
                    true => " again",
                    false => "",
                };
                Some(format!("{user} subscribes{again}"))
            }
            Deed::UserUnsubscribe(user) => {
                let user = known(&USERS, user)?;
                net.tell(user, 0, Event::UserUnsubscribe { user: user.into() });
                Some(format!("{user} unsubscribes"))
            }
            Deed::Publish => {
                self.newest += 1;
                let number = self.newest;
                net.tell(BROKER, 0, Event::Price { number });
                Some(format!("The broker publishes price {number}"))
            }
        }
    }

    fn started(&mut self, _: usize, _: bool, _: &mut Net<Self>) {}

    fn received(&mut self, _: u64, _: usize, event: &Event) {
        match event {
            Event::Price { number } => {
                for user in self.users.values_mut().filter(|user| user.subscribed) {
                    user.since += 1;
                    user.newest = *number;
                }
            }
            Event::Writable { user } => {
                if let Some(user) = self.user(user) {
                    user.full = false;
                }
            }
            Event::UserSubscribe { user } | Event::UserUnsubscribe { user } => {
                let subscribed = matches!(event, Event::UserSubscribe { .. });
                if let Some(user) = self.user(user)
                    && user.subscribed != subscribed
                {
                    // The socket stays as full as it is.
                    user.subscribed = subscribed;
                    (user.since, user.newest, user.written) = (0, 0, 0);
                }
            }
        }
    }

    fn sent(&mut self, _: usize, action: &Action, _: When) -> Verdict {
        let Action::Send {
            user: name,
            number,
            missed,
        } = action;
        let Some(user) = self.user(name) else {
            return Ok(());
        };
        STRANGER.holds(user.subscribed, || {
            format!("{name} is not subscribed and was sent price {number}")
        })?;
        ONE.holds(!user.full, || {
            format!("price {number} was written to {name}, whose socket still has the one before")
        })?;
        NEWEST.holds(*number == user.newest && user.since > 0, || {
            let newest = user.newest;
            format!("{name} was sent price {number}, and the newest to come was {newest}")
        })?;
        MISSED.holds(missed + 1 == user.since, || {
            let since = user.since - 1;
            format!("{name} was sent `missed` {missed}, and {since} were missed")
        })?;
        (user.full, user.since, user.written) = (true, 0, *number);
        Ok(())
    }

    fn arrived(&mut self, _: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        let Action::Send { user, .. } = action;
        if let Some(known) = known(&USERS, &user) {
            net.tell(known, 0, Event::Writable { user });
        }
        Ok(())
    }

    fn after_step(&self) -> Verdict {
        let mut ready = self.users.iter();
        ready.try_for_each(|(name, user)| {
            let holds = !user.subscribed || user.full || user.written == user.newest;
            HOLDS.holds(holds, || {
                let newest = user.newest;
                format!("{name}'s socket is writable, and price {newest} was not sent")
            })
        })
    }
}
