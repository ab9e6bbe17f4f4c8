//! A user's task: it waits for what the user says, and does nothing else.
//!
//! Prices do not pass through here. The hub's fan-out writes them to the socket itself, so
//! this task sleeps while a million prices go by; it wakes when its user speaks, or is gone.

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
use crate::frame::{CloseCode, Inbox, Said, pong_frame, text_frame};
use crate::request::{BadRequest, Request};
use crate::roster::Seat;
use crate::session::Session;
use crate::socket::UserSocket;

/// The most that is read at once; it lives on the stack, for the length of one poll.
const READ: usize = 4096;

/// How long a user whose connection is closed may take to close it as well.
const LINGER: Duration = Duration::from_secs(2);

/// A user in conversation. This is all that its task holds while it waits: five words.
struct User {
    app: &'static App,
    session: Arc<Session>,
    inbox: Inbox,
    /// Dropped last, so that a seat is free only when its user is quite gone.
    _seat: Seat,
}

/// Why a user is not listened to, for now or for ever.
enum Pause {
    /// The user asks faster than it reads the answers.
    Behind,
    /// The user left, or is gone.
    Left,
    /// The user broke the rules and was told so; it has yet to read it.
    ShownTheDoor,
}

/// Takes a socket whose handshake is done, and spawns its user. `early` is what the user said
/// without waiting for the handshake's end.
pub(crate) fn welcome(app: &'static App, seat: Seat, stream: TcpStream, id: UserId, early: &[u8]) {
    let Some(session) = Session::begin(app.manager, id, stream) else {
        return;
    };
    seat.sit(&session);
    let mut user = User {
        app,
        session,
        inbox: Inbox::default(),
        _seat: seat,
    };
    match user.listen(&mut early.to_vec()) {
        ControlFlow::Break(Pause::Left) => {}
        ControlFlow::Break(Pause::ShownTheDoor) => drop(tokio::spawn(user.walk_out())),
        ControlFlow::Break(Pause::Behind) | ControlFlow::Continue(()) => {
            drop(tokio::spawn(user.talk()));
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.session.goodbye(CloseCode::Normal, "");
    }
}

impl User {
    async fn talk(mut self) {
        let pause = loop {
            match poll_fn(|cx| self.poll_listen(cx)).await {
                // Boxed, both here and below, because every user's task has room for whatever
                // any user may need, and almost nobody needs this.
                Pause::Behind => Box::pin(self.catch_up()).await,
                pause => break pause,
            }
        };
        if let Pause::ShownTheDoor = pause {
            Box::pin(self.walk_out()).await;
        }
    }

    /// Reads on until the user has closed too. Without this, bytes of the user that nobody read
    /// would turn our end into a reset, which takes the close frame away before the user has
    /// seen it.
    async fn walk_out(self) {
        let _ = timeout(LINGER, poll_fn(|cx| self.poll_leave(cx))).await;
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

    /// Reads and listens until the user has nothing more to say for now.
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Pause> {
        let mut room = [0; READ];
        loop {
            let read = match ready!(self.session.socket().poll_read(cx, &mut room)) {
                Ok(0) | Err(_) => return Poll::Ready(Pause::Left),
                Ok(read) => read,
            };
            self.session.heard();
            if let ControlFlow::Break(pause) = self.listen(&mut room[..read]) {
                return Poll::Ready(pause);
            }
            if read == room.len() {
                // Somebody with so much to say waits for the next turn, so that nobody waits for it.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn listen(&mut self, bytes: &mut [u8]) -> ControlFlow<Pause> {
        let (app, session) = (self.app, &self.session);
        // After a goodbye of ours nothing is answered: the connection has left.
        let hear = |said: Said<'_>| answer(app, &session.connection, said);
        match self.inbox.feed(bytes, app.limits.message, hear) {
            Ok(ControlFlow::Continue(())) if session.socket().is_full() => {
                ControlFlow::Break(Pause::Behind)
            }
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Pause::Left),
            Err(fault) => {
                tracing::debug!(%fault, "closed a connection");
                session.goodbye(fault.code(), &fault.to_string());
                ControlFlow::Break(Pause::ShownTheDoor)
            }
        }
    }

    fn poll_leave(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; READ];
        while let Ok(1..) = ready!(self.session.socket().poll_read(cx, &mut room)) {}
        Poll::Ready(())
    }
}

fn answer(app: &App, connection: &Connection<UserSocket>, said: Said<'_>) -> ControlFlow<()> {
    match said {
        Said::Text(text) => {
            if let Err(error) =
                Request::parse(text).and_then(|request| obey(app, connection, request))
            {
                let mut frame = Vec::new();
                text_frame(&mut frame, |into| error.to_json(into));
                connection.send(&frame);
            }
        }
        Said::Ping(bytes) => {
            let mut frame = Vec::new();
            pong_frame(&mut frame, bytes);
            connection.send(&frame);
        }
        Said::Pong | Said::Close(_) => {}
    }
    ControlFlow::Continue(())
}

fn obey(
    app: &App,
    connection: &Connection<UserSocket>,
    request: Request,
) -> Result<(), BadRequest> {
    match request {
        Request::Subscribe(stock) => match app.manager.user_subscribe(connection, stock) {
            Err(error @ SubscribeError::TooManyStocks { .. }) => {
                Err(BadRequest::TooManyStocks(error.to_string()))
            }
            // The manager has ended, so this process is about to: the farewell comes next.
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
