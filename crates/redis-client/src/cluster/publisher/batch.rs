//! What one master is sent together, and what its answers mean.

use crate::{
    last_price::set_last_prices,
    refusal::{is_redirected, refused, stores_nothing_now},
    slot_of,
    transaction::{Answer, executed},
};
use redis::{Cmd, Pipeline, RedisError, Value, cmd};
use std::{collections::BTreeMap, time::Duration};

/// A channel, and what is published there.
pub(super) struct Message<'a> {
    pub(super) channel: String,
    pub(super) text: &'a str,
    /// How long it is stored; none if it is published only.
    pub(super) time_to_live: Option<Duration>,
    /// Whether it is published only because its master does not store it. The next master may.
    pub(super) is_refused: bool,
}

/// Messages for one master.
pub(super) struct Batch<'a> {
    pub(super) commands: Pipeline,
    published: Vec<Message<'a>>,
    /// A transaction has keys of one slot only, so there is one for each slot.
    transactions: Vec<Transaction<'a>>,
}

struct Transaction<'a> {
    messages: Vec<Message<'a>>,
    /// How many of its commands store a message.
    sets: usize,
}

/// What a master did with its messages.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    /// How many subscribers received them, summed over the messages.
    pub(super) received: u64,
    /// Messages that were not published, because another master serves their slots.
    pub(super) redirected: Vec<Message<'a>>,
    /// Messages that were not published, because this master does not store them: to be published only.
    pub(super) not_stored: Vec<Message<'a>>,
    /// Why, if it is not for a moment only.
    pub(super) refusal: Option<RedisError>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(messages: Vec<Message<'a>>) -> Self {
        let mut published = Vec::new();
        let mut by_slot: BTreeMap<(u16, Duration), Vec<Message<'a>>> = BTreeMap::new();
        for message in messages {
            match message.time_to_live {
                Some(time_to_live) if !message.is_refused => by_slot
                    .entry((slot_of(&message.channel), time_to_live))
                    .or_default()
                    .push(message),
                _ => published.push(message),
            }
        }
        let mut commands = redis::pipe();
        commands.ignore_errors();
        for message in &published {
            commands.add_command(publish(message));
        }
        let transactions = by_slot.into_iter().map(|((_, time_to_live), messages)| {
            commands.cmd("MULTI");
            let texts = messages.iter();
            let texts = texts.map(|message| (message.channel.as_str(), message.text));
            let sets = set_last_prices(texts, time_to_live);
            let count = sets.len();
            for command in sets.into_iter().chain(messages.iter().map(publish)) {
                commands.add_command(command);
            }
            commands.cmd("EXEC");
            Transaction {
                messages,
                sets: count,
            }
        });
        Self {
            transactions: transactions.collect(),
            published,
            commands,
        }
    }

    /// Nothing was sent.
    pub(super) fn unsent(self) -> Outcome<'a> {
        let stored = self.transactions.into_iter();
        let stored = stored.flat_map(|transaction| transaction.messages);
        Outcome {
            redirected: self.published.into_iter().chain(stored).collect(),
            ..Outcome::default()
        }
    }

    /// What the answers to the commands say.
    ///
    /// # Errors
    /// The master refused a message that was to be published only.
    pub(super) fn outcome(self, answers: Vec<Answer>) -> Result<Outcome<'a>, RedisError> {
        let mut outcome = Outcome::default();
        let mut answers = answers.into_iter();
        let published = answers.by_ref().take(self.published.len());
        outcome.all_published(self.published, published)?;
        for Transaction { messages, sets } in self.transactions {
            // With MULTI and EXEC.
            let length = sets + messages.len() + 2;
            let answers: Vec<_> = answers.by_ref().take(length).collect();
            outcome.executed(messages, sets, answers)?;
        }
        Ok(outcome)
    }
}

fn publish(message: &Message<'_>) -> Cmd {
    let mut publish = cmd("SPUBLISH");
    publish.arg(&message.channel).arg(message.text);
    publish
}

impl<'a> Outcome<'a> {
    /// Adds what became of a transaction's messages; `answers` has one for each command.
    fn executed(
        &mut self,
        messages: Vec<Message<'a>>,
        sets: usize,
        answers: Vec<Answer>,
    ) -> Result<(), RedisError> {
        match executed(answers, sets) {
            Ok((answers, not_stored)) => {
                self.refusal = not_stored.or(self.refusal.take());
                return self.all_published(messages, answers);
            }
            Err(Some(error)) if stores_nothing_now(&error) => {
                self.not_stored.extend(refused_by_master(messages));
            }
            Err(Some(error)) if is_redirected(&error) => self.redirected.extend(messages),
            Err(reason) => {
                self.refusal = reason;
                self.not_stored.extend(refused_by_master(messages));
            }
        }
        Ok(())
    }

    /// Adds what became of messages that were published, by one answer for each.
    ///
    /// # Errors
    /// The first of the refusals.
    fn all_published(
        &mut self,
        messages: Vec<Message<'a>>,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Result<(), RedisError> {
        for (message, answer) in messages.into_iter().zip(answers) {
            match answer {
                Ok(Value::Int(received)) => self.received += received.unsigned_abs(),
                Ok(answer) => {
                    return Err(refused(format!("SPUBLISH is answered with {answer:?}")));
                }
                Err(error) if is_redirected(&error) => self.redirected.push(Message {
                    is_refused: false,
                    ..message
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The same messages, to be published only.
fn refused_by_master(messages: Vec<Message<'_>>) -> impl Iterator<Item = Message<'_>> {
    let refused = |message| Message {
        is_refused: true,
        ..message
    };
    messages.into_iter().map(refused)
}
