//! How this process is asked to end.

use std::io;
use std::process;

use tokio::sync::oneshot;

/// Ready at Ctrl-C; at SIGTERM, which a service manager or `docker stop` sends; and at SIGHUP, when the
/// terminal is closed. The second signal ends the process immediately, for a user who does not want to
/// wait until the requests in progress are answered.
///
/// From this call on the first signal no longer ends the process by itself, even if the future is not
/// polled yet. So call it before the program prints anything: the reader of the first line may send a
/// signal in the next moment. It also makes the signals work as process 1 of a container, where the
/// kernel ignores every signal without a handler.
///
/// # Errors
/// The system accepts no handlers for signals.
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut signals = Signals::listen()?;
    let (ask, asked) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        let _ = ask.send(());
        signals.next().await;
        process::exit(1);
    });
    Ok(async move {
        // An error means that the runtime is shutting down, and this future with it.
        let _ = asked.await;
    })
}

/// The signals that ask a process to end, one after the other, for a program in which the second one
/// does not mean what [`asked_to_end`] makes of it.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Listens for them: from here on none of them ends the process by itself.
    ///
    /// # Errors
    /// The system accepts no handlers for signals.
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// The signals that ask a process to end; Windows has only Ctrl-C.
#[cfg(windows)]
#[derive(Debug)]
pub struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    /// Listens for them: from here on none of them ends the process by itself.
    ///
    /// # Errors
    /// The system accepts no handlers for signals.
    pub fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}
