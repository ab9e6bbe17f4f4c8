//! What a server finds in the end.

use game::Game;
use program::server::Server;

use super::player::{NoServer, client};

/// The games that one server finds, beside those that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) server: usize,
    /// How many games of this run it finds.
    pub(super) games: usize,
    /// How many moves these have.
    pub(super) moves: usize,
    /// How many of them are just as they were sent: every move, once, in order.
    pub(super) whole: usize,
}

/// How many games are asked for at once.
const PAGE: &str = "100";

impl Found {
    /// Asks a server for every game whose id begins with `prefix`.
    pub(super) async fn by(server: &Server, prefix: &str, sent: &[Game]) -> Result<Self, NoServer> {
        let http = client();
        let list = format!("{}/games", server.url);
        let mut found = Self {
            server: server.number,
            games: 0,
            moves: 0,
            whole: 0,
        };
        let mut after = prefix.to_owned();
        loop {
            let page = http
                .get(&list)
                .query(&[("after", after.as_str()), ("limit", PAGE)]);
            let page: Vec<Game> = page.send().await?.error_for_status()?.json().await?;
            // Ids are sorted, so behind the first one of somebody else's there is none of ours.
            for game in &page {
                if !game.id.as_str().starts_with(prefix) {
                    return Ok(found);
                }
                found.games += 1;
                found.moves += game.moves.len();
                found.whole += usize::from(sent.contains(game));
            }
            match page.last() {
                Some(last) => after = last.id.to_string(),
                None => return Ok(found),
            }
        }
    }
}
