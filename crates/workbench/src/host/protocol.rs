//! The protocol with a server of another program: a line of JSON in, a line of JSON out.
//!
//! `{"start":"server-1"}` means: forget everything, you are this server now. An event comes with the
//! time. The answer is a list of actions, or `{"error":"…"}` if the server's own code failed.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::challenge::Challenge;
use crate::host::in_process::guarded;
use crate::host::{Server, Trouble};

/// A line to a server.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum In<E> {
    Start {
        start: String,
    },
    Event {
        now: u64,
        #[serde(flatten)]
        event: E,
    },
}

/// A line from a server.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Out<A> {
    Actions(Vec<A>),
    Error { error: String },
}

/// The main loop of a Rust server that is a process of its own.
pub(crate) fn serve<C: Challenge, S: Server<C>>(make: impl Fn() -> S) {
    let mut server = None;
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let answer = match serde_json::from_str(&line) {
            Ok(In::<C::Event>::Start { .. }) => guarded(&make).map(|made| {
                server = Some(made);
                Vec::new()
            }),
            Ok(In::Event { now, event }) => match &mut server {
                Some(server) => guarded(|| server.on(now, event)),
                None => Err(Trouble("the first line has to be a start".to_owned())),
            },
            Err(error) => Err(Trouble(format!("this line is invalid: {error}: {line}"))),
        };
        let answer = answer.map_or_else(|Trouble(error)| Out::Error { error }, Out::Actions);
        let answer = serde_json::to_string(&answer).expect("actions are plain data");
        // The harness has ended: so does its server.
        if writeln!(io::stdout(), "{answer}").is_err() {
            return;
        }
    }
}

/// The actions of an answer, and whether the process that gave it can be used again.
pub(super) fn read_answer<A: DeserializeOwned>(line: &str) -> (Result<Vec<A>, Trouble>, bool) {
    let line = line.trim_end();
    if line.starts_with('{') {
        if let Ok(Out::Error { error }) = serde_json::from_str::<Out<()>>(line) {
            return (Err(Trouble(error)), true);
        }
        let words = format!("an answer is a list of actions, and this is a single thing: {line}");
        return (Err(Trouble(words)), false);
    }
    if !line.starts_with('[') {
        let words = format!(
            "it printed {line:?} to standard output. Only its answers belong there, one line of JSON \
             for each event. Print to standard error instead: console.error, eprintln!"
        );
        return (Err(Trouble(words)), false);
    }
    let answer = serde_json::from_str(line).map_err(|error| {
        let error = error.to_string();
        // The position is of no use: the answer is one line, and it is printed.
        let error = error.split(" at line ").next().unwrap_or_default();
        Trouble(format!(
            "its answer {line} is not a list of actions: {error}"
        ))
    });
    (answer, true)
}
