//! What the compiler refuses: each case under `ui/` is a program that does not compile, beside
//! the compiler's own words and a twin that does. Without them "there cannot be a second" would be a
//! claim. `cargo test -p compile-fail` compiles them all. Read `ui/singleton-game` first, then
//! the files of `tests/`; the modules here only check the cases.
//!
//! A case begins with what it is about:
//!
//! ```text
//! //~ E0624
//! //! Tried: the constructor, by its name.
//! //! Refused: `new` is private to game_manager.rs, and this is another file.
//! //! Mutation: game_manager.rs: `fn new()` => `pub fn new()`
//! ```
//!
//! The first line is the compiler's error code, or the lint's name where there is no code, or
//! `private-type`, which has neither. A *mutation* is the change with which
//! the case compiles, in as many lines as it needs; `here` is the case itself.
//!
//! A new case: write `ui/<crate>/<what-is-wrong>.rs` and its twin, run
//! `NO_COLOR=1 TRYBUILD=overwrite cargo test -p compile-fail`, and read the `.stderr` it wrote.

pub mod batch;
pub mod case;
pub mod inventory;
pub mod mutation;
pub mod snapshot;
