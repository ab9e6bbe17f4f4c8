//! State in a process, shared by modules: the store is a `static`, and a module is a name for it.
//!
//! Without a `static` each function has variables of its own, which end with it; nothing is
//! shared. `cargo run -p module-store` shows two modules at one list. Read `store.rs` first,
//! then `logger.rs` and `main.rs`.

pub mod logger;
pub mod store;
