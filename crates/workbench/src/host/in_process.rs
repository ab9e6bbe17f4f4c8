//! Servers in Rust, in this process: a hundred times as fast as a child.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::challenge::Challenge;
use crate::host::{Host, Processes, Server, Trouble};

/// Servers in this process.
#[derive(Debug)]
pub struct InProcess<F, S> {
    make: F,
    servers: Vec<Option<S>>,
    /// What starts one of them in a process of its own, to compare: a `static` is new there.
    alone: Option<Vec<String>>,
}

impl<F, S> InProcess<F, S> {
    /// Servers that this function makes.
    pub fn new(make: F) -> Self {
        Self {
            make,
            servers: Vec::new(),
            alone: None,
        }
    }

    /// With the command that starts one in a process of its own.
    #[must_use]
    pub fn or_alone(self, command: Vec<String>) -> Self {
        Self {
            alone: Some(command),
            ..self
        }
    }
}

impl<C: Challenge, S: Server<C>, F: Fn() -> S> Host<C> for InProcess<F, S> {
    fn start(&mut self, server: usize) -> Result<(), Trouble> {
        self.servers.resize_with(C::SERVERS.len(), || None);
        self.servers[server] = Some(guarded(&self.make)?);
        Ok(())
    }

    fn event(
        &mut self,
        server: usize,
        now: u64,
        event: &C::Event,
    ) -> Result<Vec<C::Action>, Trouble> {
        let server = self.servers[server].as_mut();
        let server = server.expect("a story starts each server first");
        guarded(|| server.on(now, event.clone()))
    }

    fn depth(&self) -> usize {
        4
    }

    fn fresh(&self) -> Option<Box<dyn Host<C>>> {
        let command = self.alone.clone()?;
        Some(Box::new(Processes::new(command)))
    }
}

thread_local! {
    /// The panic of the student's code in this thread; `None` outside of it.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the student's code; a panic becomes a sentence that names its place. Panics elsewhere are
/// printed as usual.
pub(super) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Trouble> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours =
                PANIC.with_borrow_mut(|panic| panic.as_mut().map(|it| *it = info.to_string()));
            if ours.is_none() {
                usual(info);
            }
        }));
    });
    PANIC.set(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(run));
    let words = PANIC.take().unwrap_or_default();
    done.map_err(|_| Trouble(words))
}
