//! The book: the pages of `lessons/`, as mdBook shows them.
//!
//! The pages read well on a code host by themselves; the book adds what that cannot: a diff between two
//! crates, figures that move, the files that a page names. `cargo run -p lessons` serves it, `-- build
//! DIR` writes it. Read [`stage`] first: what is done to a page before mdBook sees it.

pub mod book;
pub mod cargo;
pub mod changes;
pub mod copy;
pub mod demo;
pub mod diff;
pub mod exercise;
mod fence;
pub mod finish;
pub mod folder;
#[cfg_attr(not(target_os = "linux"), path = "live/elsewhere.rs")]
pub mod live;
pub mod minutes;
pub mod named;
pub mod output;
pub mod page;
pub mod quiz;
pub mod schedule;
pub mod serve;
pub mod site;
pub mod stage;
pub mod try_it;
pub mod warm;
pub mod words;
