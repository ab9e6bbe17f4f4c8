//! Where the student's servers run: in this process, or each in a process of its own.

mod in_process;
mod processes;
mod protocol;

pub use in_process::InProcess;
pub use processes::Processes;
pub(crate) use protocol::serve;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::challenge::Challenge;

/// What a student writes: an event goes in, actions come out. A server has no clock, no thread and no
/// socket, so a story goes the same way each time it is told.
pub trait Server<C: Challenge> {
    /// Something happened, at this time in milliseconds.
    fn on(&mut self, now: u64, event: C::Event) -> Vec<C::Action>;
}

/// What is wrong with a server itself, in words.
#[derive(Debug)]
pub struct Trouble(pub String);

/// Runs the servers of a challenge.
pub trait Host<C: Challenge> {
    /// Starts a server with nothing in memory.
    ///
    /// # Errors
    /// It cannot be started, or fails at its start.
    fn start(&mut self, server: usize) -> Result<(), Trouble>;
    /// A server receives an event and returns its actions.
    ///
    /// # Errors
    /// It panics, ends, hangs, or its answer is invalid.
    fn event(
        &mut self,
        server: usize,
        now: u64,
        event: &C::Event,
    ) -> Result<Vec<C::Action>, Trouble>;
    /// The number of steps up to which all stories can be told in a few seconds.
    fn depth(&self) -> usize;
    /// A host that shares no memory with this one: a variable outside of the server is new there.
    fn fresh(&self) -> Option<Box<dyn Host<C>>> {
        None
    }
    /// From now on, what a server prints to standard error is shown.
    fn show_output(&mut self) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
