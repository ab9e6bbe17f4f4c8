//! The programs of pages 0 and 0b, for a reader who knows TypeScript.
//!
//! Each file in `examples/` shows one thing that the lessons use: who owns a value, who may change it,
//! when a lock is released. Without it, the first page of Rust is a row of signs. What the compiler
//! refuses stands in `tests/compile-fail/ui/reading-rust`. Run one with
//! `cargo run -p reading-rust --example guard`, and read `lessons/00-reading-rust.md` next.
