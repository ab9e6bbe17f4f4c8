//! A game that is played without an end by two players, each as its page would do it: a player who is
//! sent away connects again, and sends a move again if the room does not have it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::SinkExt;
use game::Move;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::board::Seat;
use crate::demo::player::{connect, receive};
use crate::room_id::RoomId;

/// How long a player thinks. Without it, sixty players would measure how busy the machine is.
const THINK: Duration = Duration::from_millis(100);

/// All players, as they are counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd {
    counts: watch::Sender<Counts>,
    stopped: watch::Sender<bool>,
}

/// What the players have done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Those who are reconnecting now.
    pub(super) away: usize,
    /// The most who were at the same moment.
    pub(super) most_away: usize,
    /// How often one came back.
    pub(super) reconnects: usize,
}

impl Crowd {
    pub(super) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(super) async fn until(&self, is_it: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.counts.subscribe();
        // This value has the sender, so there is one.
        counts
            .wait_for(is_it)
            .await
            .map_or_else(|_| self.counts(), |counts| *counts)
    }

    /// No player begins another move.
    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    fn leaves(&self) {
        self.counts.send_modify(|counts| {
            counts.away += 1;
            counts.most_away = counts.most_away.max(counts.away);
        });
    }

    /// After this many connections.
    fn comes_back(&self, times: usize) {
        self.counts.send_modify(|counts| {
            counts.away -= 1;
            counts.reconnects += times;
        });
    }
}

/// A room whose two players play.
#[derive(Debug)]
pub(super) struct LiveGame {
    room: RoomId,
    players: [JoinHandle<Result<Played>>; 2],
}

/// What the two players have of a game in the end.
#[derive(Debug)]
pub(super) struct WholeGame {
    pub(super) room: RoomId,
    players: [Played; 2],
}

/// What a player has in the end.
#[derive(Debug)]
struct Played {
    /// The moves that it has been shown, its own included.
    moves: Vec<String>,
    /// How many moves it has decided to play.
    own: usize,
}

impl LiveGame {
    /// Two players sit down and begin.
    pub(super) async fn start(router: SocketAddr, room: RoomId, crowd: &Crowd) -> Result<Self> {
        let ended = watch::Sender::default();
        let white = Player::enter(router, room.clone(), Seat::White, crowd, &ended).await?;
        let black = Player::enter(router, room.clone(), Seat::Black, crowd, &ended).await?;
        let players = [tokio::spawn(white.play()), tokio::spawn(black.play())];
        Ok(Self { room, players })
    }

    /// Waits until both have played their last move, and have been shown the other's.
    pub(super) async fn end(self) -> Result<WholeGame> {
        let [white, black] = self.players;
        Ok(WholeGame {
            room: self.room,
            players: [white.await??, black.await??],
        })
    }
}

impl WholeGame {
    /// Whether the database has each move that was played, once and in order, and both players have been shown
    /// these.
    pub(super) fn is_whole(&self, stored: &[Move]) -> bool {
        let stored: Vec<String> = stored.iter().map(ToString::to_string).collect();
        let expected: Vec<String> = (1..=stored.len()).map(nth_move).collect();
        let played: usize = self.players.iter().map(|player| player.own).sum();
        stored == expected
            && played == stored.len()
            && self.players.iter().all(|player| player.moves == stored)
    }
}

#[derive(Debug)]
struct Player {
    router: SocketAddr,
    room: RoomId,
    seat: Seat,
    crowd: Crowd,
    token: Option<String>,
    socket: WebSocketStream<TcpStream>,
    moves: Vec<String>,
    /// The number of the move that it has sent and has not been shown yet.
    pending: Option<usize>,
    own: usize,
    /// How many moves the game has, set by the player who does not make the next one.
    ended: watch::Sender<Option<usize>>,
}

impl Player {
    async fn enter(
        router: SocketAddr,
        room: RoomId,
        seat: Seat,
        crowd: &Crowd,
        ended: &watch::Sender<Option<usize>>,
    ) -> Result<Self> {
        let (socket, whole) = connect(router, &room, seat).await?;
        let mut player = Self {
            router,
            room,
            seat,
            crowd: crowd.clone(),
            token: None,
            socket,
            moves: Vec::new(),
            pending: None,
            own: 0,
            ended: ended.clone(),
        };
        let sits = player.sit_down(&whole).await?;
        ensure!(sits, "room {} was closed at once", player.room);
        Ok(player)
    }

    /// Plays until the crowd stops and the last move has been shown to both.
    async fn play(mut self) -> Result<Played> {
        let (mut stopped, mut ended) = (self.crowd.stopped.subscribe(), self.ended.subscribe());
        loop {
            let length = self.moves.len();
            let is_mine = length.is_multiple_of(2) == (self.seat == Seat::White);
            if is_mine && self.pending.is_none() {
                if *stopped.borrow_and_update() {
                    self.ended.send_replace(Some(length));
                    break;
                }
                sleep(THINK).await;
                self.own += 1;
                self.pending = Some(length + 1);
                self.send_pending().await;
            }
            if *ended.borrow_and_update() == Some(length) {
                break;
            }
            let received = tokio::select! {
                received = receive(&mut self.socket) => received,
                // Nothing is received then, and the conditions above are looked at again.
                _ = stopped.changed() => continue,
                _ = ended.changed() => continue,
            };
            match received {
                Ok(message) => self.note(&message).await?,
                Err(_) => self.come_back().await?,
            }
        }
        Ok(Played {
            moves: self.moves,
            own: self.own,
        })
    }

    /// Connects again, wherever the room is now.
    async fn come_back(&mut self) -> Result<()> {
        self.crowd.leaves();
        // As a browser does: the close is answered, and the connection ended, before the next one begins.
        let _ = self.socket.close(None).await;
        let _ = self.socket.get_mut().shutdown().await;
        let mut times = 0;
        loop {
            let (socket, whole) = connect(self.router, &self.room, self.seat).await?;
            self.socket = socket;
            times += 1;
            if self.sit_down(&whole).await? {
                break;
            }
        }
        self.crowd.comes_back(times);
        self.send_pending().await;
        Ok(())
    }

    /// Takes the seat, or resumes it; false if the connection ended before.
    async fn sit_down(&mut self, whole: &Value) -> Result<bool> {
        self.note(whole).await?;
        loop {
            let Ok(message) = receive(&mut self.socket).await else {
                return Ok(false);
            };
            self.note(&message).await?;
            if message["type"] == "seat" {
                return Ok(true);
            }
        }
    }

    async fn note(&mut self, message: &Value) -> Result<()> {
        match message["type"].as_str() {
            Some("room") => {
                let moves = message["moves"].as_array().context("a room has moves")?;
                let moves = moves.iter().filter_map(Value::as_str);
                self.moves = moves.map(str::to_owned).collect();
                let (seat, token) = (self.seat.as_str(), &self.token);
                self.send(json!({"type": "join", "seat": seat, "token": token}))
                    .await;
            }
            Some("seat") => self.token = message["token"].as_str().map(str::to_owned),
            Some("move") => {
                let played = message["move"].as_str().context("a move has a move")?;
                self.moves.push(played.to_owned());
                ensure!(message["number"] == self.moves.len(), "{message}");
            }
            Some("error") => bail!("room {}: {}", self.room, message["message"]),
            _ => {}
        }
        if self.pending <= Some(self.moves.len()) {
            self.pending = None;
        }
        Ok(())
    }

    async fn send_pending(&mut self) {
        if let Some(number) = self.pending {
            let played = nth_move(number);
            self.send(json!({"type": "move", "number": number, "move": played}))
                .await;
        }
    }

    async fn send(&mut self, message: Value) {
        // An error means that the connection has ended, which the next receive finds.
        let _ = self.socket.send(Message::text(message.to_string())).await;
    }
}

/// The move of this number in a game that goes on: knights go out and home, and after 96 moves a pawn of each
/// side goes one step, so that no game is drawn by fifty moves without one.
///
/// The pawns of the f-file stay, because they would take the knights' squares. Those of the seven other files
/// have two steps each, which is enough for 1,372 moves.
pub fn nth_move(number: usize) -> String {
    let (block, at) = ((number - 1) / 98, (number - 1) % 98);
    let (file, step) = (["a", "b", "c", "d", "e", "g", "h"][block % 7], block / 7);
    match at {
        0 => format!("{file}{}{file}{}", 2 + step, 3 + step),
        1 => format!("{file}{}{file}{}", 7 - step, 6 - step),
        _ => ["g1f3", "g8f6", "f3g1", "f6g8"][(at - 2) % 4].to_owned(),
    }
}
