//! How this process is asked to end.

use std::io;

use tokio::io::AsyncReadExt;

/// Done at Ctrl-C, and at SIGTERM, which is what a service manager sends.
///
/// From this call on, no signal ends the process the hard way, even if nobody waits for the
/// future yet: so it is called before the outside world can know that the process is there.
///
/// # Errors
/// What the system says when it takes no handlers for signals.
#[cfg(unix)]
pub fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Done at Ctrl-C; Windows knows no SIGTERM.
///
/// # Errors
/// What the system says when it takes no handlers for signals.
#[cfg(windows)]
pub fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Done when standard input ends, which it does with the program that holds its other end.
pub async fn stdin_closed() {
    let mut ignored = [0; 64];
    while let Ok(1..) = tokio::io::stdin().read(&mut ignored).await {}
}
