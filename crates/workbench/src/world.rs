//! Tells one story to the student's servers: the harness owns the clock and every message.

use crate::challenge::network::{Fate, Line, Net, Packet, Timer, When};
use crate::challenge::{Broken, Challenge, Route, index};
use crate::host::{Host, Trouble};
use crate::story::{Step, Story};
use crate::wording::{capital, the};

/// More messages in one step than this are a conversation without an end.
const ENDLESS: usize = 300;
/// How long the end of a story lasts, in milliseconds: long enough for a server's timers.
const END: u64 = 3_000;

/// A step as it went, and the messages that it caused.
#[derive(Debug, Clone)]
pub struct Told {
    /// What happened.
    pub words: String,
    /// The messages; empty if the story was told without words.
    pub lines: Vec<Line>,
}

/// Why a story failed.
#[derive(Debug)]
pub enum Fault {
    /// A rule of the challenge is broken.
    Rule(Broken),
    /// The server of this name panicked, ended, hung, or gave an answer that is invalid.
    Server(&'static str, Trouble),
    /// The server and the world answer each other without end.
    Endless,
}

/// How a story ended.
#[derive(Debug)]
pub struct Ended {
    /// What happened, up to the fault.
    pub told: Vec<Told>,
    /// How many steps of the story were begun.
    pub steps: usize,
    /// The steps that could happen, by their place in the story.
    pub happened: Vec<usize>,
    /// The fault that ended it, if any.
    pub fault: Option<Fault>,
    /// How many messages were sent.
    pub messages: u64,
}

/// Whether the messages of a story are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every message in words: for a story that is printed.
    Words,
    /// Only how it ended: for the search.
    Verdict,
}

/// Tells a story and returns how it ended. The same story always ends the same way.
pub fn tell<C: Challenge>(story: &Story<C>, host: &mut dyn Host<C>, detail: Detail) -> Ended {
    let mut world = World {
        challenge: C::new(),
        net: Net::new(detail == Detail::Words),
        host,
    };
    let mut ended = Ended {
        told: Vec::new(),
        steps: 0,
        happened: Vec::new(),
        fault: None,
        messages: 0,
    };
    ended.fault = world.story(story, &mut ended).err();
    ended.messages = world.net.sent;
    ended
}

struct World<'a, C: Challenge> {
    challenge: C,
    net: Net<C>,
    host: &'a mut dyn Host<C>,
}

impl<C: Challenge> World<'_, C> {
    fn story(&mut self, story: &Story<C>, ended: &mut Ended) -> Result<(), Fault> {
        for server in 0..C::SERVERS.len() {
            self.start(server, false)?;
        }
        self.settle()?;
        // What comes before the first step is the same in every story.
        self.net.take_lines();
        for (at, step) in story.iter().enumerate() {
            ended.steps = at + 1;
            self.net.when = When::Step(ended.happened.len() + 1);
            let mut words = None;
            let done = self.step(step, &mut words);
            let lines = self.net.take_lines();
            if let Some(words) = words {
                ended.happened.push(at);
                ended.told.push(Told { words, lines });
            }
            done?;
        }
        self.end(&mut ended.told)
    }

    fn start(&mut self, server: usize, again: bool) -> Result<(), Fault> {
        let started = self.host.start(server);
        started.map_err(|trouble| Fault::Server(C::SERVERS[server], trouble))?;
        self.challenge.started(server, again, &mut self.net);
        Ok(())
    }

    /// A server receives an event, and its actions are sent.
    fn event(&mut self, server: usize, event: &C::Event) -> Result<(), Fault> {
        let name = C::SERVERS[server];
        let trouble = |Trouble(why)| {
            let event = serde_json::to_string(event).expect("events are plain data");
            Fault::Server(name, Trouble(format!("{why}\nIt had received {event}.")))
        };
        let actions = self.host.event(server, self.net.now, event);
        let actions = actions.map_err(trouble)?;
        self.challenge.received(self.net.now, server, event);
        for action in actions {
            let route = C::route(&action).map_err(|why| trouble(Trouble(why)))?;
            if let Err(broken) = self.challenge.sent(server, &action, self.net.when) {
                // The message that breaks the rule is the last line of its step.
                let to = if let Route::To(to) = route { to } else { name };
                let packet = Packet::Out {
                    server,
                    action,
                    connection: 0,
                };
                self.net.note(name, to, &packet, Fate::Arrived);
                return Err(Fault::Rule(broken));
            }
            match route {
                Route::To(to) => self.net.send_action(server, to, action),
                Route::Timer(after, event) => {
                    self.net.sent += 1;
                    // At least 1 ms, so that time moves on for a server that sets timers of 0.
                    let due = self.net.now + after.max(1);
                    let order = self.net.sent;
                    self.net.timers.push(Timer {
                        due,
                        order,
                        server,
                        event,
                    });
                }
            }
        }
        Ok(())
    }

    /// The oldest message of a link arrives.
    fn arrive(&mut self, link: usize) -> Result<(), Fault> {
        let link = &mut self.net.links[link];
        let (from, to) = (link.from, link.to);
        let Some((_, packet)) = link.waiting.pop_front() else {
            return Ok(());
        };
        self.net.now += 1;
        match &packet {
            Packet::Out {
                server, connection, ..
            } if !C::STORES.contains(&to) && !self.net.is_current(to, *server, *connection) => {
                self.net.note(from, to, &packet, Fate::Lost);
                return Ok(());
            }
            _ => self.net.note(from, to, &packet, Fate::Arrived),
        }
        match packet {
            Packet::In {
                server,
                event,
                opens,
            } => {
                if let Some(connection) = opens {
                    self.net.opened(from, server, connection);
                }
                self.event(server, &event)
            }
            Packet::Out {
                server,
                action,
                connection,
            } => {
                self.net.reply_to(Some((to, server, connection)));
                let arrived = self.challenge.arrived(server, action, &mut self.net);
                self.net.reply_to(None);
                arrived.map_err(Fault::Rule)
            }
        }
    }

    /// All messages of fast links arrive, and those that they cause.
    fn settle(&mut self) -> Result<(), Fault> {
        for _ in 0..ENDLESS {
            let Some(link) = self.net.next_fast() else {
                return Ok(());
            };
            self.arrive(link)?;
        }
        Err(Fault::Endless)
    }

    /// Time passes, and timers that are due by then go off.
    fn pass(&mut self, until: u64) -> Result<(), Fault> {
        for _ in 0..ENDLESS {
            let timers = self.net.timers.iter().enumerate();
            let due =
                timers.filter(|(_, timer)| timer.due <= until && !self.net.paused[timer.server]);
            let Some((at, _)) = due.min_by_key(|(_, timer)| (timer.due, timer.order)) else {
                self.net.now = self.net.now.max(until);
                return Ok(());
            };
            let timer = self.net.timers.remove(at);
            self.net.now = self.net.now.max(timer.due);
            self.event(timer.server, &timer.event)?;
            self.settle()?;
        }
        Err(Fault::Endless)
    }

    /// Does one step and describes it; `words` stays `None` if it cannot happen now.
    fn step(&mut self, step: &Step<C::Deed>, words: &mut Option<String>) -> Result<(), Fault> {
        match step {
            Step::Do(deed) => *words = self.challenge.act(deed, &mut self.net),
            Step::Slow(from, to) => *words = self.set_slow(from, to, true),
            Step::Fast(from, to) => *words = self.set_slow(from, to, false),
            Step::Deliver(from, to) => {
                let mut links = self.net.links.iter();
                let found = links.position(|link| {
                    link.from == from && link.to == to && !link.waiting.is_empty()
                });
                // A paused server receives nothing.
                let server = index(C::SERVERS, to);
                let paused = server.is_some_and(|server| self.net.paused[server]);
                if let Some(at) = found.filter(|_| !paused) {
                    *words = Some(format!(
                        "One message from {} to {} arrives",
                        the(from),
                        the(to)
                    ));
                    self.arrive(at)?;
                }
            }
            Step::Crash(name) => {
                if let Some(server) = index(C::SERVERS, name) {
                    self.net.crash(server);
                    *words = Some(format!(
                        "{} crashes and starts again, with nothing in memory",
                        capital(&the(name))
                    ));
                    self.start(server, true)?;
                }
            }
            Step::Pause(name) => *words = self.set_paused(name, true),
            Step::Resume(name) => *words = self.set_paused(name, false),
            Step::Wait(time) => {
                *words = Some(format!("{time} ms pass"));
                self.pass(self.net.now + time)?;
            }
        }
        self.settle()?;
        self.pass(self.net.now)?;
        self.challenge.after_step().map_err(Fault::Rule)
    }

    fn set_slow(&mut self, from: &str, to: &str, slow: bool) -> Option<String> {
        let mut links = C::SLOW.iter().copied();
        let (from, to) = links.find(|link| *link == (from, to))?;
        let before = std::mem::replace(&mut self.net.link(from, to).slow, slow);
        (before != slow).then(|| match slow {
            true => format!(
                "From now on messages from {} to {} wait",
                the(from),
                the(to)
            ),
            false => format!("Messages from {} to {} arrive again", the(from), the(to)),
        })
    }

    fn set_paused(&mut self, name: &str, paused: bool) -> Option<String> {
        let server = index(C::SERVERS, name)?;
        let before = std::mem::replace(&mut self.net.paused[server], paused);
        let how = match paused {
            true => "pauses",
            false => "goes on, with its old memory",
        };
        (before != paused).then(|| format!("{} {how}", capital(&the(name))))
    }

    /// The end of every story: links become fast and paused servers go on, time passes for timers, and
    /// then the challenge lets something last happen, until it has nothing more.
    fn end(&mut self, told: &mut Vec<Told>) -> Result<(), Fault> {
        let waiting = self.net.links.iter().any(|link| !link.waiting.is_empty());
        self.net.when = When::End;
        self.net.paused.fill(false);
        self.net.links.iter_mut().for_each(|link| link.slow = false);
        let words = waiting.then(|| "In the end all messages under way arrive".to_owned());
        self.last(words, told)?;
        while let Some(words) = self.challenge.finish(&mut self.net) {
            self.last(Some(words), told)?;
        }
        self.challenge.at_end().map_err(Fault::Rule)
    }

    fn last(&mut self, words: Option<String>, told: &mut Vec<Told>) -> Result<(), Fault> {
        let done = self
            .settle()
            .and_then(|()| self.pass(self.net.now + END))
            .and_then(|()| self.challenge.after_step().map_err(Fault::Rule));
        let lines = self.net.take_lines();
        if words.is_some() || !lines.is_empty() {
            let words = words.unwrap_or_else(|| "In the end 3 s pass".to_owned());
            told.push(Told { words, lines });
        }
        done
    }
}
