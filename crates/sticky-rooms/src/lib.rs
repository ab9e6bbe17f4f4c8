//! State in memory that needs its users to come to one server: a live game of chess, and its chat.
//!
//! A room lives in one server's memory. If two players of a room are sent to two servers, neither
//! sees the other move: by turns they never meet, by user seldom, by room always. `cargo run -p
//! sticky-rooms` counts it over three servers and kills one, `-- --by turns` shows the first way only;
//! `-- serve` opens a page to play on. `-- deploy` restarts all servers under thirty games, `-- places`
//! counts which rooms move when a server comes or goes, and `-- lease` shows what a frozen owner's late
//! write meets.
//! Read [`room`] first, then [`rooms`] with the rule that brings players together again, then
//! [`router`]. The pages are `lessons/03-live-state.md`, `lessons/04-stickiness.md` and
//! `lessons/04b-scale-out.md`.

pub mod board;
pub mod control;
pub mod demo;
pub mod deploy;
pub mod fleet;
pub mod lease;
pub mod message;
pub mod operator;
mod page;
pub mod places;
#[cfg(unix)]
pub mod proxy;
pub mod room;
pub mod room_id;
pub mod rooms;
pub mod router;
pub mod seats;
pub mod server;
pub mod target;
mod visitor;
