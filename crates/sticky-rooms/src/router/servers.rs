//! What the router believes of its servers, and where the rooms that have visitors are.
//!
//! Where a room lives is computed by [`owner`] from the servers that are in use. When an operator adds
//! or takes away a server, that answer changes for many rooms at the same moment. So a room that has
//! visitors *stays* where it is, and is then moved with them, one room after the other: see
//! [`handover`](super::handover). A server that is lost moves all of its rooms without that.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::health::Upstream;
use super::owner::owner;
use crate::room_id::RoomId;
use crate::server::Health;

/// So many answers in a row, and a server that was down is up.
const ANSWERS_IN_A_ROW: u32 = 2;

/// The servers, and the rooms that have visitors.
#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Server>,
    rooms: HashMap<RoomId, VisitedRoom>,
}

#[derive(Debug, Serialize)]
struct Server {
    server: usize,
    up: bool,
    /// An operator has taken it away: no room is placed here, and those that are here are moved.
    drained: bool,
    /// Answers in a row while it is down.
    #[serde(skip)]
    answers: u32,
    /// Its last answer to `/healthz`, none before the first.
    health: Option<Health>,
    #[serde(skip)]
    upstream: Arc<Upstream>,
}

/// A room with visitors that came through this router.
#[derive(Debug)]
struct VisitedRoom {
    server: usize,
    visitors: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is where the score says.
    Home,
    /// The score says another server, and the room has not been moved yet.
    Stays,
    /// Its server is closing it. Who comes now waits until it can be opened elsewhere.
    Leaving,
    /// It has been moved, and had this many visitors, who are coming back.
    Returning(usize),
}

/// Where a visitor of a room is sent.
#[derive(Debug)]
pub(super) enum Entry {
    /// To this server, where it is counted from now on.
    At(Arc<Upstream>),
    /// Nowhere yet: the room is being moved.
    Later,
    /// No server is in use.
    Nowhere,
}

/// A room that is about to be moved.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) room: RoomId,
    pub(super) from: Arc<Upstream>,
}

impl Servers {
    /// Server 1 is the first; all are up.
    pub(super) fn all_up(upstreams: impl Iterator<Item = Arc<Upstream>>) -> Self {
        let all = upstreams.map(Server::new).collect();
        let rooms = HashMap::new();
        Self { all, rooms }
    }

    /// The numbers of those that rooms are placed on.
    pub(super) fn in_use(&self) -> Vec<usize> {
        let in_use = self.all.iter().filter(|server| server.is_in_use());
        in_use.map(|server| server.server).collect()
    }

    /// Those that are asked for their health.
    pub(super) fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let all = self.all.iter();
        all.map(|server| Arc::clone(&server.upstream)).collect()
    }

    /// The process that has this number.
    pub(super) fn upstream(&self, number: usize) -> Option<Arc<Upstream>> {
        let server = self.all.iter().find(|server| server.server == number)?;
        Some(Arc::clone(&server.upstream))
    }

    /// Whether this process is a server still.
    pub(super) fn has(&self, upstream: &Arc<Upstream>) -> bool {
        self.position(upstream).is_some()
    }

    /// Whether this process is a server, and answers.
    pub(super) fn is_up(&self, upstream: &Arc<Upstream>) -> bool {
        let at = self.position(upstream);
        at.is_some_and(|at| self.all[at].up)
    }

    /// The number of the server that the room is on, or would be opened on.
    pub(super) fn place(&self, room: &RoomId) -> Option<usize> {
        if let Some(visited) = self.rooms.get(room)
            && [State::Stays, State::Leaving].contains(&visited.state)
            && let Some(server) = self.all.iter().find(|one| one.server == visited.server)
            && server.up
        {
            return Some(visited.server);
        }
        owner(room.as_str(), &self.in_use())
    }

    /// Counts a visitor of a room, and says where it is sent. Both in one step: between two, the room
    /// could be moved without this visitor. The second value is whether somebody waits for this.
    pub(super) fn enter(&mut self, room: &RoomId) -> (Entry, bool) {
        let Some(number) = self.place(room) else {
            return (Entry::Nowhere, false);
        };
        let upstream = self.upstream(number).expect("a room is on one of these");
        let visited = self.rooms.entry(room.clone());
        let visited = visited.or_insert(VisitedRoom {
            server: number,
            visitors: 0,
            state: State::Home,
        });
        if visited.state == State::Leaving && visited.server == number {
            return (Entry::Later, false);
        }
        if visited.server != number {
            // Its server was lost while the room stayed there.
            visited.server = number;
            if !matches!(visited.state, State::Returning(_)) {
                visited.state = State::Home;
            }
        }
        visited.visitors += 1;
        let is_awaited = matches!(visited.state, State::Returning(_));
        if let State::Returning(before) = visited.state
            && visited.visitors >= before
        {
            visited.state = State::Home;
        }
        (Entry::At(upstream), is_awaited)
    }

    /// A visitor of a room has gone; returns whether somebody waits for this.
    pub(super) fn leave(&mut self, room: &RoomId) -> bool {
        let Some(visited) = self.rooms.get_mut(room) else {
            return false;
        };
        visited.visitors = visited.visitors.saturating_sub(1);
        let is_awaited = visited.state == State::Leaving;
        if visited.visitors == 0 && !matches!(visited.state, State::Leaving | State::Returning(_)) {
            self.rooms.remove(room);
        }
        is_awaited
    }

    /// Adds a server, or gives its number to another process. Rooms with visitors stay where they are.
    pub(super) fn join(&mut self, upstream: Arc<Upstream>) {
        self.all.retain(|one| one.server != upstream.server);
        self.all.push(Server::new(upstream));
        self.all.sort_by_key(|one| one.server);
        self.let_rooms_stay();
    }

    /// Takes a server away. Rooms with visitors stay where they are.
    pub(super) fn drain(&mut self, number: usize) {
        for server in &mut self.all {
            server.drained |= server.server == number;
        }
        self.let_rooms_stay();
    }

    /// Forgets a server. Connections to it are cut.
    pub(super) fn remove(&mut self, number: usize) {
        self.all.retain(|one| one.server != number);
    }

    fn let_rooms_stay(&mut self) {
        let in_use = self.in_use();
        for (room, visited) in &mut self.rooms {
            if visited.state == State::Home && owner(room.as_str(), &in_use) != Some(visited.server)
            {
                visited.state = State::Stays;
            }
        }
    }

    /// The next room that is not where it should be. From now on its visitors wait.
    pub(super) fn begin_move(&mut self) -> Option<Move> {
        let staying = self.rooms.iter_mut();
        let mut staying = staying.filter(|(_, visited)| visited.state == State::Stays);
        let (room, visited) = staying.next()?;
        visited.state = State::Leaving;
        let (room, server) = (room.clone(), visited.server);
        let from = self.upstream(server).expect("a room is on one of these");
        Some(Move { room, from })
    }

    /// How many visitors a room has here.
    pub(super) fn visitors(&self, room: &RoomId) -> usize {
        self.rooms.get(room).map_or(0, |visited| visited.visitors)
    }

    /// The room is closed where it was, and is opened where the score says. So many visitors come back.
    pub(super) fn end_move(&mut self, room: &RoomId, visitors: usize) {
        if let Some(visited) = self.rooms.get_mut(room) {
            visited.state = State::Returning(visitors);
        }
    }

    /// Whether all have come back.
    pub(super) fn is_back(&self, room: &RoomId) -> bool {
        let visited = self.rooms.get(room);
        visited.is_none_or(|visited| !matches!(visited.state, State::Returning(_)))
    }

    /// Waits no longer for those who have not come back.
    pub(super) fn give_up(&mut self, room: &RoomId) {
        if let Some(visited) = self.rooms.get_mut(room) {
            visited.state = State::Home;
            if visited.visitors == 0 {
                self.rooms.remove(room);
            }
        }
    }

    /// For people and pages.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.all).expect("these have only texts and numbers")
    }

    /// The server is down; returns whether that is new.
    pub(super) fn lost(&mut self, upstream: &Arc<Upstream>) -> bool {
        let Some(at) = self.position(upstream) else {
            return false;
        };
        self.all[at].answers = 0;
        std::mem::replace(&mut self.all[at].up, false)
    }

    /// The server has answered; returns whether it is up only now.
    pub(super) fn answered(&mut self, upstream: &Arc<Upstream>, health: Health) -> bool {
        let Some(at) = self.position(upstream) else {
            return false;
        };
        let server = &mut self.all[at];
        server.health = Some(health);
        if server.up {
            return false;
        }
        server.answers += 1;
        server.up = server.answers >= ANSWERS_IN_A_ROW;
        server.up
    }

    fn position(&self, upstream: &Arc<Upstream>) -> Option<usize> {
        let mut all = self.all.iter();
        all.position(|server| Arc::ptr_eq(&server.upstream, upstream))
    }
}

impl Server {
    fn new(upstream: Arc<Upstream>) -> Self {
        Self {
            server: upstream.server,
            up: true,
            drained: false,
            answers: 0,
            health: None,
            upstream,
        }
    }

    fn is_in_use(&self) -> bool {
        self.up && !self.drained
    }
}
