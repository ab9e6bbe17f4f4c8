//! Lessons 11 and 12a: one connection to a broker, for all users of a server.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Challenge, Route, Rule, Verdict, known};
use crate::challenge::network::{Net, When};
use crate::level::Level;

const USERS: [&str; 2] = ["Ann", "Ben"];
const STOCKS: [&str; 2] = ["APPL", "GOOG"];
const SERVER: &str = "server";
const BROKER: &str = "broker";

/// What the server receives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// There is a new connection to the broker, without subscriptions.
    Connected,
    /// The connection to the broker is lost.
    Disconnected,
    /// A user wants the prices of a stock.
    UserSubscribe { user: String, stock: String },
    /// A user wants them no more.
    UserUnsubscribe { user: String, stock: String },
    /// A user has closed the page.
    UserDisconnected { user: String },
    /// The broker has carried out a `channel_subscribe`.
    ChannelSubscribed { stock: String },
    /// The broker has carried out a `channel_unsubscribe`.
    ChannelUnsubscribed { stock: String },
    /// A price from the broker. The next price of this stock has the next number.
    Price { stock: String, number: u32 },
    /// A timer that the server has set.
    Timer { name: String },
}

/// What the server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Asks the broker for the prices of a stock.
    ChannelSubscribe { stock: String },
    /// Asks the broker to send them no more.
    ChannelUnsubscribe { stock: String },
    /// Sends a price to a user.
    Send {
        user: String,
        stock: String,
        number: u32,
    },
    /// Asks for an event of this name, so many milliseconds later.
    SetTimer { after: u64, name: String },
}

/// What may happen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// A user subscribes to a stock.
    UserSubscribe(String, String),
    /// A user unsubscribes from it.
    UserUnsubscribe(String, String),
    /// A user closes the page.
    UserDisconnect(String),
    /// A price is published.
    Publish(String),
    /// The server's connection to the broker is lost.
    Disconnect,
    /// There is a new one.
    Connect,
}

const TWICE: Rule = Rule {
    words: "no user is sent a price twice",
    why: "What does the server remember when the same user asks twice: that she asked, or how often?",
    lesson: "lessons/11-naive-pubsub.md",
};
const STRANGER: Rule = Rule {
    words: "no user is sent a price of a stock to which they are not subscribed",
    why: "A user may unsubscribe from one stock, or from all of them by closing the page.",
    lesson: "lessons/11-naive-pubsub.md",
};
const RELAYED: Rule = Rule {
    words: "a price that reaches the server is sent to all users of its stock",
    why: "The price was here, and the server did not know a user who wants it.",
    lesson: "lessons/11-naive-pubsub.md",
};
const NEWEST: Rule = Rule {
    words: "in the end every user has the newest price of each of their stocks",
    why: "The broker sends a price only if the server's last command for its stock, on the connection that \
          they have now, was a subscribe.",
    lesson: "lessons/12a-pubsub-manager.md",
};
const EXACTLY: Rule = Rule {
    words: "in the end the server is subscribed at the broker to exactly the stocks that users want",
    why: "The last user of a stock unsubscribes the server, and it asks only for what a user wants: first \
          in, last out.",
    lesson: "lessons/12a-pubsub-manager.md",
};

/// The users, the broker, and what they know.
#[derive(Debug, Default)]
pub struct Relay {
    connected: bool,
    /// What the broker sends to the server.
    channels: BTreeSet<&'static str>,
    /// The server's last command for each stock.
    commands: BTreeMap<&'static str, Command>,
    /// How many connections there have been.
    connections: u32,
    /// The number of the newest price of each stock.
    newest: BTreeMap<&'static str, u32>,
    /// By (user, stock).
    subscriptions: BTreeMap<(&'static str, &'static str), Subscription>,
    /// The last prices have been published.
    last_published: bool,
}

/// A `channel_subscribe` or a `channel_unsubscribe`.
#[derive(Debug)]
struct Command {
    is_subscribe: bool,
    when: When,
    /// Whether a user wanted the stock then.
    is_wanted: bool,
    /// The newest connection then, as the broker counts.
    connection: u32,
    is_carried_out: bool,
}

#[derive(Debug, Default)]
struct Subscription {
    /// The number of the price that was sent last.
    sent: u32,
    /// The newest that has reached the server since the user subscribed.
    reached: u32,
}

impl Relay {
    fn publish(&mut self, stock: &'static str, net: &mut Net<Self>) -> u32 {
        let number = self.newest.entry(stock).or_default();
        *number += 1;
        let number = *number;
        if self.channels.contains(stock) {
            let stock = stock.to_owned();
            net.tell(BROKER, 0, Event::Price { stock, number });
        }
        number
    }

    fn wanted(&self) -> BTreeSet<&'static str> {
        self.subscriptions.keys().map(|(_, stock)| *stock).collect()
    }

    fn carried_out(&mut self, stock: &str) {
        if let Some(command) = self.commands.get_mut(stock) {
            command.is_carried_out = true;
        }
    }

    /// Why the broker does not send this stock, although a user wants it.
    fn why_not_sent(&self, stock: &str) -> String {
        let Some(command) = self.commands.get(stock) else {
            return format!("your server never asked the broker for {stock}");
        };
        let is_old = command.connection != self.connections;
        let asked = format!("your server asked for {stock} {}", command.when);
        match (command.is_subscribe, command.is_carried_out) {
            (false, _) if is_old => {
                format!("your server has not asked for {stock} on the connection that it has now")
            }
            (false, _) => format!("your server unsubscribed {stock} {}", command.when),
            (true, false) => format!("{asked}, and the command did not reach the broker"),
            (true, true) if is_old => format!("{asked}, on a connection that has ended"),
            (true, true) => format!("{asked}, after the price was published"),
        }
    }

    /// Why the broker sends this stock, although no user wants it.
    fn why_sent(&self, stock: &str) -> String {
        let command = self.commands.get(stock);
        let Command {
            when, is_wanted, ..
        } = command.expect("only a command adds a channel");
        match is_wanted {
            true => format!("your server asked for it {when}, and sent no unsubscribe after that"),
            false => format!("your server asked for it {when}, when no user wanted it"),
        }
    }

    fn connect(&mut self, net: &mut Net<Self>) {
        self.connected = true;
        self.connections += 1;
        self.channels.clear();
        net.open(BROKER, 0, Event::Connected);
    }

    fn disconnect(&mut self, net: &mut Net<Self>) {
        self.connected = false;
        self.channels.clear();
        net.cut(BROKER, 0);
        net.tell(BROKER, 0, Event::Disconnected);
    }
}

fn user_subscribe(user: &str, stock: &str) -> Event {
    let (user, stock) = (user.to_owned(), stock.to_owned());
    Event::UserSubscribe { user, stock }
}

fn stock_of(name: &str) -> Result<&'static str, String> {
    known(&STOCKS, name).ok_or_else(|| format!("there is no stock {name:?}"))
}

impl Challenge for Relay {
    const NAME: &'static str = "relay";
    const QUESTION: &'static str = "one connection to the broker for all users: first in, last out";
    const SERVERS: &'static [&'static str] = &[SERVER];
    const NAMES: &'static [&'static [&'static str]] = &[&USERS, &STOCKS];
    const SLOW: &'static [(&'static str, &'static str)] = &[(BROKER, SERVER), (SERVER, BROKER)];
    const CRASHES: bool = true;
    const WAITS: bool = true;

    type Event = Event;
    type Action = Action;
    type Deed = Deed;

    fn new() -> Self {
        Self::default()
    }

    fn route(action: &Action) -> Result<Route<Event>, String> {
        Ok(match action {
            Action::ChannelSubscribe { stock } | Action::ChannelUnsubscribe { stock } => {
                stock_of(stock)?;
                Route::To(BROKER)
            }
            Action::Send { user, stock, .. } => {
                stock_of(stock)?;
                let user = known(&USERS, user);
                Route::To(user.ok_or_else(|| format!("there is no such user in {action:?}"))?)
            }
            Action::SetTimer { after, name } => {
                Route::Timer(*after, Event::Timer { name: name.clone() })
            }
        })
    }

    fn deeds() -> Vec<(usize, Deed)> {
        let mut deeds = Vec::new();
        for user in USERS.map(str::to_owned) {
            deeds.push((3, Deed::UserDisconnect(user.clone())));
            for stock in STOCKS.map(str::to_owned) {
                deeds.push((9, Deed::UserSubscribe(user.clone(), stock.clone())));
                deeds.push((6, Deed::UserUnsubscribe(user.clone(), stock)));
            }
        }
        deeds.extend(STOCKS.map(|stock| (10, Deed::Publish(stock.to_owned()))));
        deeds.extend([(5, Deed::Disconnect), (10, Deed::Connect)]);
        deeds
    }

    fn level(deed: &Deed) -> Level {
        match deed {
            Deed::Disconnect | Deed::Connect => Level::Crashes,
            _ => Level::NoFaults,
        }
    }

    fn act(&mut self, deed: &Deed, net: &mut Net<Self>) -> Option<String> {
        match deed {
            Deed::UserSubscribe(user, stock) => {
                let of = (known(&USERS, user)?, known(&STOCKS, stock)?);
                let again = match self.subscriptions.contains_key(&of) {
                    true => " again",
                    false => "",
                };
                self.subscriptions.entry(of).or_default();
                net.tell(of.0, 0, user_subscribe(of.0, of.1));
                Some(format!("{user} subscribes to {stock}{again}"))
            }
            Deed::UserUnsubscribe(user, stock) => {
                let (user, stock) = (known(&USERS, user)?, known(&STOCKS, stock)?);
                let was = self.subscriptions.remove(&(user, stock)).is_some();
                let event = Event::UserUnsubscribe {
                    user: user.into(),
                    stock: stock.into(),
                };
                net.tell(user, 0, event);
                let without = if was { "" } else { ", without a subscription" };
                Some(format!("{user} unsubscribes from {stock}{without}"))
            }
            Deed::UserDisconnect(user) => {
                let user = known(&USERS, user)?;
                self.subscriptions.retain(|(other, _), _| *other != user);
                net.tell(user, 0, Event::UserDisconnected { user: user.into() });
                Some(format!("{user} closes the page"))
            }
            Deed::Publish(stock) => {
                let stock = known(&STOCKS, stock)?;
                let number = self.publish(stock, net);
                Some(format!("Price {number} of {stock} is published"))
            }
            Deed::Disconnect if self.connected => {
                self.disconnect(net);
                Some("The connection to the broker is lost".into())
            }
            Deed::Connect if !self.connected => {
                self.connect(net);
                Some("There is a new connection to the broker".into())
            }
            Deed::Disconnect | Deed::Connect => None,
        }
    }

    fn started(&mut self, _: usize, again: bool, net: &mut Net<Self>) {
        self.connect(net);
        if again {
            // The users' connections ended with the server; their pages connect again.
            for (user, stock) in self.subscriptions.keys() {
                net.tell(user, 0, user_subscribe(user, stock));
            }
        }
    }

    fn received(&mut self, _: u64, _: usize, event: &Event) {
        if let Event::Price { stock, number } = event {
            let all = self.subscriptions.iter_mut();
            all.filter(|((_, other), _)| other == stock)
                .for_each(|(_, subscription)| subscription.reached = *number);
        }
    }

    fn sent(&mut self, _: usize, action: &Action, when: When) -> Verdict {
        let (stock, is_subscribe) = match action {
            Action::ChannelSubscribe { stock } => (stock, true),
            Action::ChannelUnsubscribe { stock } => (stock, false),
            _ => return Ok(()),
        };
        if let Some(stock) = known(&STOCKS, stock) {
            let command = Command {
                is_subscribe,
                when,
                is_wanted: self.wanted().contains(stock),
                connection: self.connections,
                is_carried_out: false,
            };
            self.commands.insert(stock, command);
        }
        Ok(())
    }

    fn arrived(&mut self, _: usize, action: Action, net: &mut Net<Self>) -> Verdict {
        match action {
            Action::ChannelSubscribe { stock } => {
                self.carried_out(&stock);
                self.channels.extend(known(&STOCKS, &stock));
                net.tell(BROKER, 0, Event::ChannelSubscribed { stock });
            }
            Action::ChannelUnsubscribe { stock } => {
                self.carried_out(&stock);
                self.channels.remove(stock.as_str());
                net.tell(BROKER, 0, Event::ChannelUnsubscribed { stock });
            }
            Action::Send {
                user,
                stock,
                number,
            } => {
                let of = known(&USERS, &user).zip(known(&STOCKS, &stock));
                let Some(subscription) = of.and_then(|of| self.subscriptions.get_mut(&of)) else {
                    return STRANGER.broken(format!(
                        "{user} was sent a price of {stock} and is not subscribed to it"
                    ));
                };
                TWICE.holds(number > subscription.sent, || {
                    format!("{user} was sent price {number} of {stock} and had it already")
                })?;
                subscription.sent = number;
            }
            Action::SetTimer { .. } => {}
        }
        Ok(())
    }

    fn after_step(&self) -> Verdict {
        let mut all = self.subscriptions.iter();
        all.try_for_each(|((user, stock), subscription)| {
            let number = subscription.reached;
            RELAYED.holds(subscription.sent >= number, || {
                format!("{user} is subscribed to {stock} and was not sent price {number}")
            })
        })
    }

    fn finish(&mut self, net: &mut Net<Self>) -> Option<String> {
        if self.last_published {
            return None;
        }
        if !self.connected {
            self.connect(net);
            return Some("In the end there is a connection to the broker".into());
        }
        self.last_published = true;
        let wanted = self.wanted();
        for stock in &wanted {
            self.publish(stock, net);
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let stocks = wanted.join(" and one of ");
        (!wanted.is_empty()).then(|| format!("In the end a price of {stocks} is published"))
    }

    fn at_end(&self) -> Verdict {
        for ((user, stock), subscription) in &self.subscriptions {
            let newest = self.newest.get(stock).copied().unwrap_or(0);
            NEWEST.holds(subscription.sent == newest, || {
                let why = self.why_not_sent(stock);
                format!("{user} is subscribed to {stock} and never got price {newest}: {why}")
            })?;
        }
        let wanted = self.wanted();
        let unwanted = self.channels.difference(&wanted).next();
        unwanted.map_or(Ok(()), |stock| {
            let why = self.why_sent(stock);
            EXACTLY.broken(format!(
                "the broker still sends {stock} to this server, and no user wants it: {why}"
            ))
        })
    }
}
