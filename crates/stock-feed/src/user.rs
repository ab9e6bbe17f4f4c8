//! A user's task: it waits for what the user sends, and does nothing else.
//!
//! Prices do not pass through here. The hub's fan-out writes them to the socket itself, so this task
//! sleeps while a million prices are sent; it wakes when its user sends something or has left.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pubsub_manager::{Pace, SubscribeError, UserId};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::app::App;
use crate::frame::{ClientMessage, CloseCode, MessageReader, pong_frame};
use crate::request::{BadRequest, Request};
use crate::session::Session;
use crate::sessions::SessionPermit;

/// The most bytes that are read at once, onto the stack: the buffer exists during one poll only.
const READ_CHUNK: usize = 4096;

/// How long a user that broke the protocol may take to read its close frame and to close as well. A
/// client that never closes would otherwise keep one of the permits for users.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// The user sends requests faster than it reads the answers.
    Lagging,
    /// The user has closed, or its connection broke.
    Closed,
    /// The user broke the protocol and was sent a close frame, which it may not have read yet.
    Violation,
}

/// Takes a socket whose handshake is done, and spawns its user's task. `early` are the bytes that the
/// user sent without waiting for the handshake's answer, as fast clients do: hyper has read them already,
/// so the socket will not have them again. A user whose `pace` is an error is sent that, and has the server's.
pub(crate) fn start(
    app: &'static App,
    permit: SessionPermit,
    stream: TcpStream,
    id: UserId,
    pace: Result<Option<Pace>, BadRequest>,
    early: &[u8],
) {
    let given = pace.as_ref().map_or(app.limits.pace, |pace| *pace);
    let Some(session) = Session::begin(app.manager, id, stream, given) else {
        return;
    };
    if let Err(error) = pace {
        session.send_error(&error);
    }
    permit.register(&session);
    let mut user = User {
        app,
        session,
        reader: MessageReader::default(),
        _permit: permit,
    };
    // Before the task is spawned: it waits for the socket, which may never be readable again if the user
    // sent all that it has to send along with its handshake.
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
        // Also when the task panics or is dropped at shutdown: a session whose task is gone would stay
        // subscribed, and prices would be written to a socket that nobody reads. A second close is nothing.
        self.session.close(CloseCode::Normal, "");
    }
}

impl User {
    async fn run(mut self) {
        let pause = loop {
            match poll_fn(|cx| self.poll_read(cx)).await {
                // Boxed, both here and below: a future has room for every state that it can be in, so
                // twenty thousand users would pay for what almost no user does.
                Pause::Lagging => Box::pin(self.catch_up()).await,
                pause => break pause,
            }
        };
        if let Pause::Violation = pause {
            Box::pin(self.linger()).await;
        }
    }

    /// Reads until the user has closed too. If a socket is closed while bytes of its peer are unread, the
    /// kernel sends a reset, and a reset discards the close frame before the user has read it.
    async fn linger(self) {
        let _ = timeout(LINGER_TIMEOUT, poll_fn(|cx| self.poll_linger(cx))).await;
    }

    /// Waits until the user has read its answers. Meanwhile its requests fill our kernel's buffer, then its
    /// own, and then its `send` blocks. Without this the answers would pile up in the hub, and ten thousand
    /// requests in a row would have the user evicted as a slow consumer.
    async fn catch_up(&self) {
        let socket = self.session.socket();
        while socket.is_full() && socket.writable().await.is_ok() {
            // The hub writes the rest, in a task of its own that the same event wakes. If this one ran
            // again first, it would find the socket full and writable, again and again.
            yield_now().await;
        }
    }

    /// Reads until there is nothing more for now.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Pause> {
        let mut room = [0; READ_CHUNK];
        loop {
            let read = match ready!(self.session.socket().poll_read(cx, &mut room)) {
                Ok(0) | Err(_) => return Poll::Ready(Pause::Closed),
                Ok(read) => read,
            };
            self.session.socket().pulse.on_received();
            if let ControlFlow::Break(pause) = self.on_bytes(&mut room[..read]) {
                return Poll::Ready(pause);
            }
            if read == room.len() {
                // A full buffer says that more is there. A user that sends without a pause would keep
                // this thread, and every other user of this server would wait: so it takes turns.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn on_bytes(&mut self, bytes: &mut [u8]) -> ControlFlow<Pause> {
        let (app, session) = (self.app, &self.session);
        // Nothing is answered after our own close frame: by then the hub has no such connection, and what
        // is sent to it goes nowhere.
        let on_message = |message: ClientMessage<'_>| answer(app, session, message);
        match self.reader.read(bytes, app.limits.message, on_message) {
            Ok(ControlFlow::Continue(())) if session.socket().is_full() => {
                ControlFlow::Break(Pause::Lagging)
            }
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            // The user's close frame. Ours is sent when this user is dropped.
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Pause::Closed),
            Err(error) => {
                tracing::debug!(%error, "closed a connection");
                // Where the next frame begins is unknown, so nothing can be read any more.
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

fn answer(app: &App, session: &Session, message: ClientMessage<'_>) -> ControlFlow<()> {
    match message {
        ClientMessage::Text(text) => {
            if let Err(error) =
                Request::parse(text).and_then(|request| handle(app, session, request))
            {
                session.send_error(&error);
            }
        }
        ClientMessage::Ping(bytes) => {
            let mut frame = Vec::new();
            pong_frame(&mut frame, bytes);
            session.connection.send(&frame);
        }
        // Any bytes are a sign of life, and `poll_read` has counted them. A close is answered at the end.
        ClientMessage::Pong | ClientMessage::Close(_) => {}
    }
    ControlFlow::Continue(())
}

fn handle(app: &App, session: &Session, request: Request) -> Result<(), BadRequest> {
    let connection = &session.connection;
    match request {
        Request::Subscribe(stock) => match app.manager.user_subscribe(connection, stock) {
            Err(error @ SubscribeError::TooManyStocks { .. }) => {
                Err(BadRequest::TooManyStocks(error.to_string()))
            }
            // The other error says that the manager has ended, so this process is about to: each user gets its
            // close frame next, and an error message before it would say nothing more.
            Ok(()) | Err(_) => Ok(()),
        },
        Request::Unsubscribe(stock) => {
            // An error is the same end as above. Unsubscribing from what was not subscribed is fine: the
            // user has what it wants.
            let _ = app.manager.user_unsubscribe(connection, &stock);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_user_is_five_words() {
        assert_eq!(size_of::<User>(), 5 * size_of::<usize>());
    }
}
