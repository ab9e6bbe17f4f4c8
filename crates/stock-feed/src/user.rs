//! A user's task: it waits for what the user sends, and does nothing else.
//!
//! Prices do not pass through here. The hub's fan-out writes them to the socket itself, so
//! this task sleeps while a million prices go by; it wakes when its user sends something, or is gone.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pubsub_manager::{Connection, SubscribeError, UserId};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::app::App;
use crate::frame::{CloseCode, Message, MessageReader, pong_frame, text_frame};
use crate::request::{BadRequest, Request};
use crate::session::Session;
use crate::sessions::SessionPermit;
use crate::socket::UserSocket;

/// The most that is read at once; it lives on the stack, for the length of one poll.
const READ_CHUNK: usize = 4096;

/// How long a user that was closed for a violation may take to read why, and to close as well.
const LINGER: Duration = Duration::from_secs(2);

/// A connected user. This is all that its task holds while it waits: five words.
struct User {
    app: &'static App,
    session: Arc<Session>,
    reader: MessageReader,
    /// Dropped last, so that the next user comes only when this one is quite gone.
    _permit: SessionPermit,
}

/// Why nothing more is read from a user, for now or at all.
enum Pause {
    /// The user asks faster than it reads the answers.
    Lagging,
    /// The user has closed, or is gone.
    Closed,
    /// The user broke the protocol and was sent a close frame, which it has yet to read.
    Violation,
}

/// Takes a socket whose handshake is done, and spawns its user. `early` is what the user said
/// without waiting for the handshake's end.
pub(crate) fn start(
    app: &'static App,
    permit: SessionPermit,
    stream: TcpStream,
    id: UserId,
    early: &[u8],
) {
    let Some(session) = Session::begin(app.manager, id, stream) else {
        return;
    };
    permit.register(&session);
    let mut user = User {
        app,
        session,
        reader: MessageReader::default(),
        _permit: permit,
    };
    match user.on_bytes(&mut early.to_vec()) {
        ControlFlow::Break(Pause::Closed) => {}
        ControlFlow::Break(Pause::Violation) => drop(tokio::spawn(user.linger())),
        ControlFlow::Break(Pause::Lagging) | ControlFlow::Continue(()) => {
            drop(tokio::spawn(user.run()));
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.session.close(CloseCode::Normal, "");
    }
}

impl User {
    async fn run(mut self) {
        let pause = loop {
            match poll_fn(|cx| self.poll_read(cx)).await {
                // Boxed, both here and below, because every user's task has room for whatever
                // any user may need, and almost nobody needs this.
                Pause::Lagging => Box::pin(self.catch_up()).await,
                pause => break pause,
            }
        };
        if let Pause::Violation = pause {
            Box::pin(self.linger()).await;
        }
    }

    /// Reads on until the user has closed too. Without this, bytes of the user that nobody read
    /// would turn our end into a reset, which takes the close frame away before the user has
    /// seen it.
    async fn linger(self) {
        let _ = timeout(LINGER, poll_fn(|cx| self.poll_linger(cx))).await;
    }

    /// Waits until the user has read what it asked for. Meanwhile its questions wait in the
    /// kernel, and then on its own side: that is all the backpressure there needs to be.
    async fn catch_up(&self) {
        let socket = self.session.socket();
        while socket.is_full() && socket.writable().await.is_ok() {
            // It is the manager that writes; it gets its turn before we look again.
            yield_now().await;
        }
    }

    /// Reads until nothing more is here for now.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Pause> {
        let mut room = [0; READ_CHUNK];
        loop {
            let read = match ready!(self.session.socket().poll_read(cx, &mut room)) {
                Ok(0) | Err(_) => return Poll::Ready(Pause::Closed),
                Ok(read) => read,
            };
            self.session.socket().pulse.heard();
            if let ControlFlow::Break(pause) = self.on_bytes(&mut room[..read]) {
                return Poll::Ready(pause);
            }
            if read == room.len() {
                // A user that sends so much waits for its next turn, so that nobody waits for it.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn on_bytes(&mut self, bytes: &mut [u8]) -> ControlFlow<Pause> {
        let (app, session) = (self.app, &self.session);
        // After a close frame of ours nothing is answered: the connection has left.
        let on_message = |message: Message<'_>| answer(app, &session.connection, message);
        match self.reader.read(bytes, app.limits.message, on_message) {
            Ok(ControlFlow::Continue(())) if session.socket().is_full() => {
                ControlFlow::Break(Pause::Lagging)
            }
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Pause::Closed),
            Err(error) => {
                tracing::debug!(%error, "closed a connection");
                session.close(error.code(), &error.to_string());
                ControlFlow::Break(Pause::Violation)
            }
        }
    }

    fn poll_linger(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; READ_CHUNK];
        while let Ok(1..) = ready!(self.session.socket().poll_read(cx, &mut room)) {}
        Poll::Ready(())
    }
}

fn answer(app: &App, connection: &Connection<UserSocket>, message: Message<'_>) -> ControlFlow<()> {
    match message {
        Message::Text(text) => {
            if let Err(error) =
                Request::parse(text).and_then(|request| handle(app, connection, request))
            {
                let mut frame = Vec::new();
                text_frame(&mut frame, |into| error.to_json(into));
                connection.send(&frame);
            }
        }
        Message::Ping(bytes) => {
            let mut frame = Vec::new();
            pong_frame(&mut frame, bytes);
            connection.send(&frame);
        }
        Message::Pong | Message::Close(_) => {}
    }
    ControlFlow::Continue(())
}

fn handle(
    app: &App,
    connection: &Connection<UserSocket>,
    request: Request,
) -> Result<(), BadRequest> {
    match request {
        Request::Subscribe(stock) => match app.manager.user_subscribe(connection, stock) {
            Err(error @ SubscribeError::TooManyStocks { .. }) => {
                Err(BadRequest::TooManyStocks(error.to_string()))
            }
            // The manager has ended, so this process is about to: a close frame comes next.
            Ok(()) | Err(_) => Ok(()),
        },
        Request::Unsubscribe(stock) => {
            let _ = app.manager.user_unsubscribe(connection, &stock);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_waits_is_five_words() {
        assert_eq!(size_of::<User>(), 5 * size_of::<usize>());
    }
}
