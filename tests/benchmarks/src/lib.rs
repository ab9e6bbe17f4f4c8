//! Benchmarks stand apart from the lessons' crates, so that no learner waits for what they need.
//! Each measures a claim beside its rivals in one run. `cargo bench -p lesson-benches` prints the
//! ratios. Read `benches/instance.rs`, then `benches/stores.rs` and `benches/cache.rs`.
