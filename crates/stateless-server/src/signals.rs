//! How this process is asked to end.

use std::io::{self, Read};
use std::thread;

use tokio::sync::oneshot;

/// Done at Ctrl-C; at SIGTERM, which is what a service manager sends; and at SIGHUP, when the terminal is
/// gone. A second one ends the process at once, for somebody who will not wait for the requests under way.
///
/// From this call on, no first signal ends the process the hard way, even if nobody waits for the
/// future yet: so it is called before the outside world can know that the process is there.
///
/// # Errors
/// What the system says when it takes no handlers for signals.
pub fn asked_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut signals = Signals::new()?;
    let (ask, asked) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        let _ = ask.send(());
        signals.next().await;
        std::process::exit(1);
    });
    Ok(async move {
        // An error means that the runtime is ending, and this with it.
        let _ = asked.await;
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Windows knows none but Ctrl-C.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Done when standard input ends, which it does with the program that holds its other end.
///
/// It is read by a thread of its own. One of tokio's would be waited for when the runtime ends, and a
/// read cannot be called off: a server that was asked to end would stay until its input ended as well.
pub async fn stdin_closed() {
    let (close, closed) = oneshot::channel();
    thread::spawn(move || {
        let mut ignored = [0; 64];
        while let Ok(1..) = io::stdin().read(&mut ignored) {}
        let _ = close.send(());
    });
    let _ = closed.await;
}
