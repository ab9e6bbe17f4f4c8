//! The target of a request, parsed once and by one parser, in the router and in every server.
//!
//! A router that reads a path differently from the server behind it sends a visitor to one room by
//! the name of another. There, a player who is present on the room's own server counts as away, and
//! a stranger is given the seat. So a target has one spelling, and any other is refused.

use axum::http::Uri;

use crate::room_id::{BadRoomId, RoomId};

/// The header in which a router says which path it chose the server by.
pub const ROUTED_PATH: &str = "x-routed-path";

/// `/rooms/opera-1858`, `/page.js?v=1`: a plain path, and perhaps a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    /// Where the path ends in `text`, and the query begins.
    path: usize,
    room: Option<RoomId>,
}

/// The target has another spelling than the one that is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// `http://host/rooms/x`, `//host`, `*`, or a path with `%`, `#`, `//` or a leading dot.
    #[error(
        "a path begins with one slash, and consists of letters, digits, dots, dashes and underscores \
         between single slashes, without % or #; write /rooms/opera-1858"
    )]
    NotPlain,
    /// It begins like a room's and names none.
    #[error(transparent)]
    Room(#[from] BadRoomId),
}

impl Target {
    /// Parses the target of a request's first line.
    ///
    /// # Errors
    /// It is not written in the one way that all routers and servers read alike.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut room = None;
        if let Some(name) = path.strip_prefix("/rooms/") {
            // With a slash behind it, it is not a room: the server redirects to the room.
            match name.strip_suffix('/').filter(|name| !name.is_empty()) {
                Some(name) => drop(name.parse::<RoomId>()?),
                None if name.is_empty() => {}
                None => room = Some(name.parse()?),
            }
        }
        let rest = path.strip_prefix('/').ok_or(BadTarget::NotPlain)?;
        let mut segments = rest.strip_suffix('/').unwrap_or(rest).split('/');
        let is_plain = rest.is_empty() || segments.all(is_plain);
        let query_is_plain = query
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !is_plain || !query_is_plain {
            return Err(BadTarget::NotPlain);
        }
        Ok(Self {
            path: path.len(),
            text: text.to_owned(),
            room,
        })
    }

    /// The target of a request that an HTTP library has read.
    ///
    /// Such a library has already removed a fragment and split off a host, so this alone does not
    /// see every spelling: the router in front refuses them, and says in [`ROUTED_PATH`] which path
    /// it used.
    ///
    /// # Errors
    /// As for [`Target::parse`]; also if the request names its host in the target.
    pub fn of_uri(uri: &Uri) -> Result<Self, BadTarget> {
        match (uri.scheme(), uri.path_and_query()) {
            (None, Some(path)) => Self::parse(path.as_str()),
            _ => Err(BadTarget::NotPlain),
        }
    }

    /// The whole target, as it was received and as it is passed on.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.text[..self.path]
    }

    /// The room, if the path is exactly `/rooms/NAME`.
    pub fn room(&self) -> Option<&RoomId> {
        self.room.as_ref()
    }
}

/// One part of a path, between two slashes.
fn is_plain(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(allowed)
}
