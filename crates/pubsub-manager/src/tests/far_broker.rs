//! The in-process broker at a distance: what it says takes a while to arrive, so that users come
//! and go between a question and its answer.

use crate::InProcess;
use crate::broker::in_process::InProcessLink;
use crate::broker::{Broker, Heard, Link, Lost};
use crate::reconciler::Command;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How far away a broker is: the time that its words are on their way.
#[derive(Clone, Default)]
pub(super) struct Distance(Arc<Mutex<Duration>>);

impl Distance {
    pub(super) fn set(&self, time: Duration) {
        *self.0.lock() = time;
    }
}

pub(super) struct FarBroker {
    pub(super) broker: InProcess,
    pub(super) distance: Distance,
}

pub(super) struct FarLink {
    link: InProcessLink,
    distance: Distance,
    /// What has been said, and when it arrives; nothing overtakes what was said before.
    on_the_way: VecDeque<(Instant, Vec<Heard>)>,
}

impl Broker for FarBroker {
    type Link = FarLink;

    async fn connect(&self) -> Result<FarLink, Lost> {
        let link = self.broker.connect().await?;
        Ok(FarLink {
            link,
            distance: self.distance.clone(),
            on_the_way: VecDeque::new(),
        })
    }
}

impl Link for FarLink {
    fn ask(&mut self, command: &Command) {
        self.link.ask(command);
    }

    fn probe(&mut self) {
        self.link.probe();
    }

    async fn listen(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        loop {
            let next = self.on_the_way.front().map(|(arrival, _)| *arrival);
            let arrival = async {
                match next {
                    Some(arrival) => sleep_until(arrival).await,
                    None => std::future::pending().await,
                }
            };
            let mut said = Vec::new();
            tokio::select! {
                biased;
                () = arrival => {
                    let (_, arrived) = self.on_the_way.pop_front().expect("it has just arrived");
                    heard.extend(arrived);
                    return Ok(());
                }
                lost = self.link.listen(&mut said) => lost?,
            }
            let arrival = Instant::now() + *self.distance.0.lock();
            self.on_the_way.push_back((arrival, said));
        }
    }
}
