//! The programs of lessons 7b and 10b: one per *what*, and the life of a static.
//!
//! Each file in `examples/` shows one thing that a static does and that its reader did not expect: it exists
//! once for each thread or runtime, it is made when it is first used, it is never dropped. Without them, "there
//! is one" is a sentence without an end. Run one with `cargo run -p statics --example per_runtime`, and read
//! `lessons/07b-one-per-what.md` next.
