//! Rooms are moved with their visitors, one after the other, when a server is added or taken away.
//!
//! A room is moved in four steps. Its visitors who come from now on *wait* in the router; its server
//! stores the move that is being played, closes the room and sends its visitors away with 1012; the new
//! server opens it; and those who were there come back. Without the first step a visitor could open the room
//! again on the old server; without the last one all users of a server would connect at the same moment.
//!
//! None of this is what keeps moves: that is the fence. If the router ends halfway, the rooms are where
//! the score says, at once.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::header;
use tokio::time::timeout;

use super::Router;
use super::health::Upstream;
use super::servers::Move;

/// How long a server may take to close a room, which waits for a move that is being stored.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the visitors of a closed room may take to go. Then they are cut.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the next room waits for visitors who do not come back: a page that was closed just now never
/// does.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a server cannot be taken away.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// There is none with this number.
    #[error("there is no server {0}")]
    Unknown(usize),
    /// Its rooms would have no place.
    #[error("server {0} is the only one in use; let another one join first")]
    LastOne(usize),
}

impl Router {
    /// Adds a server, which answers already, or one that has been restarted. Returns how many rooms with visitors
    /// were moved, when all have been.
    pub async fn join(&self, number: usize, address: SocketAddr) -> usize {
        let _changing = self.changing.lock().await;
        let upstream = Upstream::new(number, address);
        self.servers.send_modify(|servers| servers.join(upstream));
        self.move_rooms().await
    }

    /// Takes a server away: moves its rooms, and returns how many had visitors. The server itself is the
    /// caller's to end.
    ///
    /// # Errors
    /// [`DrainError`]; then nothing has changed.
    pub async fn drain(&self, number: usize) -> Result<usize, DrainError> {
        let _changing = self.changing.lock().await;
        {
            let servers = self.servers.borrow();
            if servers.upstream(number).is_none() {
                return Err(DrainError::Unknown(number));
            }
            if servers.in_use().iter().all(|other| *other == number) {
                return Err(DrainError::LastOne(number));
            }
        }
        self.servers.send_modify(|servers| servers.drain(number));
        let moved = self.move_rooms().await;
        self.servers.send_modify(|servers| servers.remove(number));
        Ok(moved)
    }

    async fn move_rooms(&self) -> usize {
        // A proxy of the environment (`http_proxy`) has no way to a server on this machine.
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.expect("it has no settings that can be wrong");
        let mut moved = 0;
        loop {
            let mut next = None;
            self.servers.send_if_modified(|servers| {
                next = servers.begin_move();
                false
            });
            let Some(next) = next else {
                return moved;
            };
            self.move_room(&client, next).await;
            moved += 1;
        }
    }

    async fn move_room(&self, client: &reqwest::Client, Move { room, from }: Move) {
        let visitors = self.servers.borrow().visitors(&room);
        let mut servers = self.servers.subscribe();
        if let Some(token) = &self.options.control {
            let url = format!("http://{}/close-room/{room}", from.address);
            let close = client
                .post(&url)
                .header(header::AUTHORIZATION, token.bearer());
            match timeout(CLOSE_TIMEOUT, close.send()).await {
                Ok(Ok(answer)) if answer.status().is_success() => {}
                Ok(Ok(answer)) => tracing::warn!("{url} answers {}", answer.status()),
                // It is lost, or will be: then its visitors are cut.
                Ok(Err(_)) | Err(_) => {}
            }
            let gone = servers.wait_for(|servers| servers.visitors(&room) == 0);
            let _ = timeout(LEAVE_TIMEOUT, gone).await;
        }
        self.servers
            .send_modify(|servers| servers.end_move(&room, visitors));
        let back = servers.wait_for(|servers| servers.is_back(&room));
        if timeout(RETURN_TIMEOUT, back).await.is_err() {
            self.servers.send_modify(|servers| servers.give_up(&room));
        }
    }
}
