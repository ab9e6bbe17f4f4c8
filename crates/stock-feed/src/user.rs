//! A user's task: it waits for what the user says, and does nothing else.
//!
//! Prices do not pass through here. The manager's relay writes them to the socket itself, so
//! this task sleeps while a million prices go by; it wakes when its user speaks, or is gone.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pubsub_manager::{Connection, SubscribeError, UserId};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::app::App;
use crate::frame::{CloseCode, Fault, Inbox, Said, pong_frame, text_frame};
use crate::request::{BadRequest, Request};
use crate::roster::Seat;
use crate::session::Session;
use crate::socket::Socket;

/// The most that is read at once; it lives on the stack, for the length of one poll.
const READ: usize = 4096;

/// How long a user who was shown the door may take to walk out.
const LINGER: Duration = Duration::from_secs(2);

/// A user in conversation. This is all that its task holds while it waits: six words.
struct User {
    app: &'static App,
    session: Arc<Session>,
    socket: OwnedReadHalf,
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
    let (read, write) = stream.into_split();
    let Ok(connection) = app.manager.connect(id, Socket::new(write)) else {
        return;
    };
    let session = Arc::new(Session::new(connection));
    seat.sit(&session);
    let mut user = User {
        app,
        session,
        socket: read,
        inbox: Inbox::default(),
        _seat: seat,
    };
    match user.listen(&mut early.to_vec()) {
        ControlFlow::Break(Pause::Left | Pause::ShownTheDoor) => {
            user.session.goodbye(CloseCode::Normal, "");
        }
        _ => drop(tokio::spawn(user.talk())),
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
        self.session.goodbye(CloseCode::Normal, "");
        if let Pause::ShownTheDoor = pause {
            Box::pin(linger(self.socket)).await;
        }
    }

    /// Waits until the user has read what it asked for. Meanwhile its questions wait in the
    /// kernel, and then on its own side: that is all the backpressure there needs to be.
    async fn catch_up(&self) {
        while self.is_behind() && self.socket.as_ref().writable().await.is_ok() {
            // It is the manager that writes; it gets its turn before we look again.
            yield_now().await;
        }
    }

    fn is_behind(&self) -> bool {
        self.session
            .connection
            .lock()
            .as_ref()
            .is_some_and(|user| user.outlet().is_full())
    }

    /// Reads and listens until the user has nothing more to say for now.
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Pause> {
        let mut room = [MaybeUninit::<u8>::uninit(); READ];
        loop {
            let mut buffer = ReadBuf::uninit(&mut room);
            if ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)).is_err() {
                return Poll::Ready(Pause::Left);
            }
            if buffer.filled().is_empty() {
                return Poll::Ready(Pause::Left);
            }
            self.session.heard();
            if let ControlFlow::Break(pause) = self.listen(buffer.filled_mut()) {
                return Poll::Ready(pause);
            }
        }
    }

    fn listen(&mut self, bytes: &mut [u8]) -> ControlFlow<Pause> {
        let Self {
            app,
            session,
            inbox,
            ..
        } = self;
        let heard = {
            let connection = session.connection.lock();
            inbox.feed(bytes, app.limits.message, |said| match &*connection {
                Some(connection) => answer(app, connection, said),
                // Goodbye was said; now only the user's own goodbye matters, which ends the
                // feed by itself.
                None => ControlFlow::Continue(()),
            })
        };
        match heard {
            Ok(ControlFlow::Continue(())) if self.is_behind() => ControlFlow::Break(Pause::Behind),
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Pause::Left),
            Err(fault) => {
                self.show_the_door(fault);
                ControlFlow::Break(Pause::ShownTheDoor)
            }
        }
    }

    fn show_the_door(&self, fault: Fault) {
        tracing::debug!(%fault, "closed a connection");
        self.session.goodbye(fault.code(), &fault.to_string());
    }
}

fn answer(app: &App, connection: &Connection<Socket>, said: Said<'_>) -> ControlFlow<()> {
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

fn obey(app: &App, connection: &Connection<Socket>, request: Request) -> Result<(), BadRequest> {
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

/// Reads until the user has closed too. Without this, bytes of the user that nobody read would
/// turn our end into a reset, which takes the close frame away before the user has seen it.
async fn linger(mut socket: OwnedReadHalf) {
    let mut sink = [0; 512];
    let read_on = async { while socket.read(&mut sink).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(LINGER, pin!(read_on)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_waits_is_six_words() {
        assert_eq!(size_of::<User>(), 6 * size_of::<usize>());
    }
}
