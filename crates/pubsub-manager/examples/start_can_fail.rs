//! Lesson 12b: what the start of the process's one manager answers, and when it can be tried again.

use anyhow::Result;
use pubsub_manager::{BrokerAddress, Options, PubSubManager, UserId};
use std::{
    fmt::Debug,
    io::{Write, stdout},
    sync::mpsc,
};

fn main() -> Result<()> {
    start(&mut stdout())
}

pub(crate) fn start(out: &mut impl Write) -> Result<()> {
    say(out, "instance()", PubSubManager::instance())?;
    // Nothing listens on port 1.
    let options = Options {
        broker: BrokerAddress::Redis("redis://127.0.0.1:1".parse()?),
        ..Options::default()
    };
    let started = PubSubManager::start(options.clone());
    say(out, "start, outside a runtime", started)?;

    let runtime = tokio::runtime::Runtime::new()?;
    let _inside = runtime.enter();
    let started = PubSubManager::start(options.clone());
    say(out, "start, while Redis is down", started)?;
    say(out, "start again", PubSubManager::start(options))?;

    let (sender, received) = mpsc::channel();
    let socket = move |bytes: &[u8]| drop(sender.send(bytes.to_vec()));
    let _user = PubSubManager::instance()?.connect(UserId(1), socket)?;
    let first = String::from_utf8(received.recv()?)?;
    write!(out, "{:<32}{first}", "the user is sent")?;
    Ok(())
}

fn say<E: Debug>(
    out: &mut impl Write,
    what: &str,
    answer: Result<&PubSubManager, E>,
) -> Result<()> {
    Ok(writeln!(out, "{what:<32}{:?}", answer.map(drop))?)
}
