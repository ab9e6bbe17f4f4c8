//! What a challenge defines: the world outside the student's servers, and the rules.

pub mod cache;
mod database;
mod game;
pub mod instance;
pub mod moves;
pub(crate) mod network;
pub mod relay;
mod requests;
pub mod rooms;
pub mod slow;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::challenge::network::{Net, When};
use crate::level::Level;

/// A rule, and where the course explains it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule as a sentence, without a full stop.
    pub words: &'static str,
    /// What a reader should think about, without the solution.
    pub why: &'static str,
    /// The page to read, from the workspace's root.
    pub lesson: &'static str,
}

/// A broken rule, and what broke it.
#[derive(Debug)]
pub struct Broken {
    /// The rule that does not hold.
    pub rule: &'static Rule,
    /// What happened, in a sentence with names.
    pub what: String,
}

/// `Err` if a rule is broken.
pub type Verdict = Result<(), Broken>;

impl Rule {
    /// `Ok` if the condition holds; otherwise the rule is broken.
    pub(crate) fn holds(&'static self, holds: bool, what: impl FnOnce() -> String) -> Verdict {
        if holds {
            return Ok(());
        }
        let what = what();
        Err(Broken { rule: self, what })
    }

    /// The rule is broken.
    pub(crate) fn broken(&'static self, what: String) -> Verdict {
        Err(Broken { rule: self, what })
    }
}

/// Where the harness brings a server's action.
#[derive(Debug)]
pub enum Route<E> {
    /// To a user, a broker or a database.
    To(&'static str),
    /// Back to the server itself, as this event, after so many milliseconds.
    Timer(u64, E),
}

/// A world around the student's servers.
pub trait Challenge: Sized + 'static {
    /// As on the command line.
    const NAME: &'static str;
    /// The question, in a line.
    const QUESTION: &'static str;
    /// The servers that the student writes: one program, started once for each name.
    const SERVERS: &'static [&'static str];
    /// Who stores: a store carries out what has been sent to it, even if its sender has crashed since.
    const STORES: &'static [&'static str] = &[];
    /// Names of one kind, the simplest first: a shortened story uses the first ones.
    const NAMES: &'static [&'static [&'static str]];
    /// The links that may be slow, as (from, to). Those of answers come first, because a story with a
    /// late answer is easier to read than one with a late request.
    const SLOW: &'static [(&'static str, &'static str)];
    /// Whether a server may crash.
    const CRASHES: bool;
    /// Whether a server may pause.
    const PAUSES: bool = false;
    /// Whether a story may let time pass.
    const WAITS: bool;

    /// What a server receives.
    type Event: Serialize + DeserializeOwned + Debug + Clone;
    /// What a server does.
    type Action: Serialize + DeserializeOwned + Debug + Clone;
    /// What may happen outside, as a step of a story.
    type Deed: Serialize + DeserializeOwned + Debug + Clone + PartialEq;

    /// A world in which nothing has happened.
    fn new() -> Self;
    /// Where an action goes.
    ///
    /// # Errors
    /// The action names a user or a stock that does not exist.
    fn route(action: &Self::Action) -> Result<Route<Self::Event>, String>;
    /// All deeds, each with its share in a random story.
    fn deeds() -> Vec<(usize, Self::Deed)>;
    /// The lowest level in which a deed may happen.
    fn level(_deed: &Self::Deed) -> Level {
        Level::NoFaults
    }
    /// Does a deed and describes it; `None` if it cannot happen now.
    fn act(&mut self, deed: &Self::Deed, net: &mut Net<Self>) -> Option<String>;
    /// A server has started, for the first time or after a crash.
    fn started(&mut self, server: usize, again: bool, net: &mut Net<Self>);
    /// A server has received this event and has returned its actions.
    fn received(&mut self, _now: u64, _server: usize, _event: &Self::Event) {}
    /// A server has sent this action; it has not arrived.
    ///
    /// # Errors
    /// Sending it breaks a rule.
    fn sent(&mut self, _server: usize, _action: &Self::Action, _when: When) -> Verdict {
        Ok(())
    }
    /// A server's action has arrived outside.
    ///
    /// # Errors
    /// A rule is broken now.
    fn arrived(&mut self, server: usize, action: Self::Action, net: &mut Net<Self>) -> Verdict;
    /// Called when all that could arrive in a step has arrived.
    ///
    /// # Errors
    /// A rule is broken now.
    fn after_step(&self) -> Verdict {
        Ok(())
    }
    /// At the end of a story, when nothing is slow: does what still has to happen and describes it.
    /// Called until it returns `None`.
    fn finish(&mut self, _net: &mut Net<Self>) -> Option<String> {
        None
    }
    /// Called last.
    ///
    /// # Errors
    /// A rule about the end is broken.
    fn at_end(&self) -> Verdict {
        Ok(())
    }
}

/// The name as it is in the list.
fn known(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().copied().find(|known| *known == name)
}

/// Where it is in the list.
pub(crate) fn index(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| *known == name)
}
