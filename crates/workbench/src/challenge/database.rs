//! The database of the challenges about moves, rooms and copies: one game, as a list of moves.

use super::game::{Action, Event};

/// The moves that players send. Each is sent by one player only, so a move that is stored twice is
/// recognised; real chess repeats moves.
pub(super) const PLAYS: [[&str; 6]; 2] = [
    ["e4", "Nf3", "Bc4", "d3", "c3", "h3"],
    ["d4", "c4", "Nc3", "e3", "g3", "Bg2"],
];

/// One game. Its moves are numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Database {
    moves: Vec<String>,
}

impl Database {
    fn moves(&self) -> Vec<String> {
        self.moves.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.moves.len()
    }

    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let at = number.checked_sub(1)?;
        self.moves.get(at).map(String::as_str)
    }

    /// The number of a move that is stored.
    pub(super) fn number_of(&self, play: &str) -> Option<usize> {
        let at = self.moves.iter().position(|stored| stored == play)?;
        Some(at + 1)
    }

    /// Carries out an action, and answers; `None` if the action is not for a database.
    pub(super) fn answer(&mut self, action: Action) -> Option<Event> {
        let (request, number, play) = match action {
            Action::Read { request } => {
                let moves = self.moves();
                return Some(Event::Game { request, moves });
            }
            Action::Append { request, play } => (request, self.len() + 1, play),
            Action::AppendIf {
                request,
                number,
                play,
            } => (request, number, play),
            _ => return None,
        };
        if number != self.len() + 1 {
            let moves = self.moves();
            return Some(Event::Conflict { request, moves });
        }
        self.moves.push(play);
        Some(Event::Appended { request, number })
    }

    /// The whole game, for a sentence.
    pub(super) fn words(&self) -> String {
        match self.moves.as_slice() {
            [] => "no moves".to_owned(),
            moves => moves.join(" "),
        }
    }
}
