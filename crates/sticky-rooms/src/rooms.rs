//! The rooms of one server, and the rule that brings players together.
//!
//! No server knows which rooms are its own: the router in front decides. So a server may hold a room
//! that others play on elsewhere, and must find out: **a server that finds the database ahead of a
//! room's memory closes the room with 1012 and forgets it; the next join loads it.** It looks when
//! somebody joins, at any answer to a move but "now", and once a second. The fence alone, a refused
//! move, is not enough: chess alternates, and the player on the stale board *waits*.

mod tick;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use game::{Game, Move};
use stateless_server::store::{Added, Database, Store, StoreError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::timeout;

use crate::board::Seat;
use crate::message::Refusal;
use crate::room::{Room, RoomEvent};
use crate::room_id::RoomId;
use crate::seats::{Seats, TokenHash, new_token};

pub use tick::look_every;

/// How long a move may take to be stored when the server ends.
const MOVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long visitors may take to answer the close with a close when the server ends.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A room, shared by its visitors.
pub type SharedRoom = Arc<Mutex<Room>>;

/// What a visitor gets on entering a room.
#[derive(Debug)]
pub struct Entered {
    /// The room that the visitor is in until it calls [`Rooms::leave`].
    pub room: SharedRoom,
    /// The first frame: the whole room.
    pub whole: String,
    /// What is sent to all visitors from then on. Subscribed under the same lock as the frame: if the room
    /// was closed between the two, this visitor would never learn of it.
    pub events: Receiver<RoomEvent>,
}

/// All rooms that are open on this server.
#[derive(Clone, Debug)]
pub struct Rooms {
    server: usize,
    database: Database,
    seats: Seats,
    open: Arc<std::sync::Mutex<HashMap<RoomId, SharedRoom>>>,
    /// Set once, by `close`; each visitor has a receiver.
    ending: Arc<watch::Sender<bool>>,
}

impl Rooms {
    /// No room is open yet.
    pub fn new(server: usize, database: Database, seats: Seats) -> Self {
        Self {
            server,
            database,
            seats,
            open: Arc::default(),
            ending: Arc::default(),
        }
    }

    /// Lets a visitor in. For the first one, the room is loaded from the database.
    ///
    /// # Errors
    /// The database does not answer, or its moves break the rules of chess.
    pub async fn enter(&self, id: &RoomId) -> Result<Entered, Refusal> {
        loop {
            let stored = self.load(id).await?;
            let length = stored.length();
            let shared = match self.lock().entry(id.clone()) {
                Entry::Occupied(open) => Arc::clone(open.get()),
                Entry::Vacant(free) => Arc::clone(free.insert(Arc::new(Mutex::new(stored)))),
            };
            let mut room = shared.lock().await;
            if room.closed {
                // It was closed while we waited for its lock, so the map has another room or none.
                continue;
            }
            if room.length() < length {
                self.forget(id, &mut room);
                continue;
            }
            room.visitors += 1;
            let (whole, events) = (room.whole(), room.subscribe());
            drop(room);
            return Ok(Entered {
                room: shared,
                whole,
                events,
            });
        }
    }

    /// A visitor leaves. The last one closes the room.
    pub async fn leave(&self, id: &RoomId, shared: &SharedRoom, seat: Option<Seat>) {
        let mut room = shared.lock().await;
        room.visitors -= 1;
        if let Some(seat) = seat {
            room.stand_up(seat);
        }
        if room.visitors == 0 && !room.closed {
            room.closed = true;
            self.lock().remove(id);
        }
    }

    /// Plays a move: in the database, then in memory, then to everybody. `id`, `shared` and `seat` are what a
    /// visitor has, `number` and `played` are its message.
    ///
    /// The database's compare-and-set on the number is the fence. An owner that was frozen while
    /// another server took the room over offers move *n*, and finds *n* taken.
    ///
    /// # Errors
    /// The reason why it is refused. Then nothing has changed.
    pub async fn play(
        &self,
        id: &RoomId,
        shared: &SharedRoom,
        seat: Option<Seat>,
        number: u32,
        played: Move,
    ) -> Result<(), Refusal> {
        let mut room = shared.lock().await;
        if room.closed {
            // Its visitors are about to reconnect. Without this branch, a refused move would remove the
            // room that was opened after this one from the map.
            return Ok(());
        }
        if seat.is_some() && number as usize > room.length() + 1 {
            // The player has seen moves that this server has not.
            let stored = self.moves(id).await?;
            if stored.len() > room.length() {
                room.replace(stored).map_err(Refusal::BadGame)?;
            }
        }
        let board = room.check(seat, number, played)?;
        let game = id.game();
        let stored = self.database.add_move(&game, played, Some(number));
        match stored.await {
            Ok((Added::Now, _)) => room.play(played, board),
            // "Already" does not mean success here. Memory follows the database, so the move was written by
            // another server, or by us and the answer was lost: either way we are behind.
            Ok((Added::Already, _)) | Err(StoreError::NotNext { .. }) => self.forget(id, &mut room),
            Err(error) => return Err(unavailable(&error)),
        }
        Ok(())
    }

    /// Takes a seat, or resumes it, and returns its token.
    ///
    /// # Errors
    /// Another player has the seat, or the database does not answer.
    pub async fn join(
        &self,
        id: &RoomId,
        shared: &SharedRoom,
        seat: Seat,
        token: Option<String>,
    ) -> Result<String, Refusal> {
        let mut room = shared.lock().await;
        let holder = self.seats.holder(id, seat).await;
        let holder = holder.map_err(|error| unavailable(&error))?;
        if let (Some(holder), Some(token)) = (&holder, token)
            && TokenHash::of(&token) == *holder
        {
            room.sit(seat);
            return Ok(token);
        }
        if holder.is_some() {
            room.learn(seat);
        }
        if room.is_taken(seat) {
            return Err(Refusal::SeatTaken);
        }
        if room.length() == 0 {
            self.add_game(id).await?;
        }
        let token = new_token();
        let hash = TokenHash::of(&token);
        let took = self.seats.take(id, seat, holder.as_ref(), &hash).await;
        if !took.map_err(|error| unavailable(&error))? {
            return Err(Refusal::SeatTaken);
        }
        room.sit(seat);
        Ok(token)
    }

    /// Closes a room that is played on elsewhere from now on, and sends its visitors away. A move that the
    /// database is storing is stored and sent first: it holds the room's lock.
    pub async fn close_room(&self, id: &RoomId) {
        let Some(shared) = self.lock().get(id).map(Arc::clone) else {
            return;
        };
        let mut room = shared.lock().await;
        if !room.closed {
            self.forget(id, &mut room);
        }
    }

    /// The number of this server, counted from 1.
    pub fn server(&self) -> usize {
        self.server
    }

    /// The names of the rooms that are open here.
    pub fn names(&self) -> Vec<RoomId> {
        self.lock().keys().cloned().collect()
    }

    /// Closes all rooms, because the server ends. Returns when every visitor was sent away, or did not
    /// leave in time.
    pub async fn close(&self) {
        let rooms: Vec<_> = self.lock().drain().collect();
        let closing = rooms
            .iter()
            .map(|(_, shared)| async move { shared.lock().await.send_away() });
        // A move that waits for the database holds its room's lock. It has this long to be stored.
        let _ = timeout(MOVE_TIMEOUT, join_all(closing)).await;
        self.ending.send_replace(true);
        let _ = timeout(LEAVE_TIMEOUT, self.ending.closed()).await;
    }

    /// Becomes true when the server ends, and each visitor who is still here is sent away. A visitor keeps its
    /// receiver for as long as it is here: the server waits for it.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Sends the visitors away and forgets the room: the next one loads it from the database.
    fn forget(&self, id: &RoomId, room: &mut MutexGuard<'_, Room>) {
        room.send_away();
        self.lock().remove(id);
    }

    /// Adds the game of a new room, when its first seat is taken.
    async fn add_game(&self, id: &RoomId) -> Result<(), Refusal> {
        let game = Game {
            id: id.game(),
            white_player: Seat::White.as_str().to_owned(),
            black_player: Seat::Black.as_str().to_owned(),
            year: None,
            moves: Vec::new(),
        };
        match self.database.add_game(&game).await {
            // A game of this name with moves or players of its own is continued.
            Ok(_) | Err(StoreError::DuplicateGame(_)) => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn load(&self, id: &RoomId) -> Result<Room, Refusal> {
        let mut taken = [false; 2];
        for seat in Seat::BOTH {
            let holder = self.seats.holder(id, seat).await;
            taken[seat as usize] = holder.map_err(|error| unavailable(&error))?.is_some();
        }
        let moves = self.moves(id).await?;
        Room::open(id.clone(), self.server, moves, taken).map_err(Refusal::BadGame)
    }

    async fn moves(&self, id: &RoomId) -> Result<Vec<Move>, Refusal> {
        match self.database.game(&id.game()).await {
            Ok(game) => Ok(game.moves),
            Err(StoreError::UnknownGame(_)) => Ok(Vec::new()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// The map's lock is held for a moment only, and never while this task waits for a room's lock.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RoomId, SharedRoom>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(error: &StoreError) -> Refusal {
    tracing::warn!("{}", error.with_causes());
    Refusal::Unavailable
}
