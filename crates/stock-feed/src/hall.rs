//! The hall: whoever speaks HTTP stands here, until it has its answer or has taken a seat.
//!
//! A connection costs whoever makes it nothing, so a place here must not be worth keeping. Each is
//! for one request: a page that asks for figures once a second would otherwise hold a place for as
//! long as it is open, and a few hundred open pages would keep every new user out. And whoever
//! stands in a full hall and says nothing has to go: a client that means it sends its request with
//! its first packet, so a silent one is slow at best, and those who wait outside are not.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// How many clients may be speaking HTTP at a time. More wait in the kernel, at no cost to us.
/// Each place is a descriptor that is nobody's seat, so there are not more than are needed.
pub(crate) const PLACES: usize = 256;

/// How often somebody looks round the hall, and how long it may be full of people who say nothing.
const LOOK: Duration = Duration::from_millis(250);

/// How long an answer may take to leave, once there was a request.
const ANSWER: Duration = Duration::from_secs(5);

/// Everybody who speaks HTTP now.
#[derive(Debug)]
pub(crate) struct Hall {
    guests: Mutex<Slab<Guest>>,
    /// Told when the hall was full and is not any more.
    free: Notify,
    /// How long a guest may take to say what it wants.
    patience: Duration,
}

/// One timer looks after all of them. A timer for each connection would be set and taken back
/// for every user that comes, and that is work at the moment when everybody comes.
#[derive(Debug)]
struct Guest {
    since: Instant,
    asked: bool,
    sent_away: bool,
    /// Wakes the guest's task, to see that it was sent away.
    waker: Option<Waker>,
}

impl Hall {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            guests: Mutex::new(Slab::with_capacity(PLACES)),
            free: Notify::new(),
            patience,
        }
    }

    /// Waits until there is a place. Only one may wait, the one who opens the door.
    pub(crate) async fn has_place(&self) {
        while self.guests.lock().len() >= PLACES {
            self.free.notified().await;
        }
    }

    /// Lets a guest in.
    pub(crate) fn enter(&'static self) -> Place {
        let key = self.guests.lock().insert(Guest {
            since: Instant::now(),
            asked: false,
            sent_away: false,
            waker: None,
        });
        Place { hall: self, key }
    }

    /// Sends away whoever has been here for too long, for ever.
    pub(crate) async fn keep_clear(&self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look_round();
        }
    }

    fn look_round(&self) {
        let mut guests = self.guests.lock();
        let silent = if guests.len() >= PLACES {
            self.patience.min(LOOK)
        } else {
            self.patience
        };
        let mut wakers = Vec::new();
        for (_, guest) in guests.iter_mut() {
            let may_stay = if guest.asked {
                self.patience + ANSWER
            } else {
                silent
            };
            if guest.since.elapsed() >= may_stay {
                guest.sent_away = true;
                wakers.extend(guest.waker.take());
            }
        }
        drop(guests);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// One guest's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    hall: &'static Hall,
    key: usize,
}

impl Place {
    /// The guest has said what it wants: from now on it is we who are slow.
    pub(crate) fn asked(&self) {
        self.hall.guests.lock()[self.key].asked = true;
    }

    /// Speaks with the guest until both are done; there is no outcome if the guest has to go.
    pub(crate) async fn talk<T>(&self, talk: impl Future<Output = T>) -> Option<T> {
        let mut talk = pin!(talk);
        poll_fn(|cx| {
            // In this order: a process that had to wait for the processor is late itself, and the
            // request may be there when it comes to send the guest away.
            match talk.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending => self.poll_sent_away(cx).map(|()| None),
            }
        })
        .await
    }

    fn poll_sent_away(&self, cx: &Context<'_>) -> Poll<()> {
        let guest = &mut self.hall.guests.lock()[self.key];
        if guest.sent_away {
            return Poll::Ready(());
        }
        match &mut guest.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guests = self.hall.guests.lock();
        guests.remove(self.key);
        if guests.len() + 1 == PLACES {
            self.hall.free.notify_one();
        }
    }
}
