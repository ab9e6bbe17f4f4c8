//! What `GameManager::instance()` costs beside other ways to reach one value, on one thread and
//! from two: `cargo bench -p lesson-benches`.
//!
//! The table at the end divides each median by that of a plain static in the same run.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use once_cell::sync::Lazy;
use parking_lot::RwLock;
use singleton_game::GameManager;

/// As large as a `GameManager` is to a caller: something behind a reference.
struct Value(u64);

static PLAIN: Value = Value(1);
static ONCE_CELL: Lazy<Value> = Lazy::new(|| Value(1));
static LAZY_LOCK: LazyLock<Value> = LazyLock::new(|| Value(1));
static ONCE_LOCK: OnceLock<Value> = OnceLock::new();
static GUARDED: RwLock<Option<Value>> = RwLock::new(None);

/// Where criterion keeps what it measured.
const REPORTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/criterion");

/// Reads per timed piece: long enough for a thread's start not to matter.
const READS: u64 = 1_000_000;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .output_directory(Path::new(REPORTS))
        .configure_from_args();
    let passed = Arc::new(Value(1));
    *GUARDED.write() = Some(Value(1));
    let ways: [(&str, &(dyn Fn() -> u64 + Sync)); 7] = [
        ("a plain static", &|| black_box(&PLAIN).0),
        ("GameManager::instance()", &|| {
            std::ptr::from_ref(black_box(GameManager::instance())).addr() as u64
        }),
        ("once_cell's Lazy", &|| black_box(&*ONCE_CELL).0),
        ("std's LazyLock", &|| black_box(&*LAZY_LOCK).0),
        ("std's OnceLock", &|| {
            black_box(ONCE_LOCK.get_or_init(|| Value(1))).0
        }),
        ("an Arc passed by hand", &|| black_box(&passed).0),
        ("an Option behind parking_lot's RwLock", &|| {
            black_box(&*GUARDED.read())
                .as_ref()
                .map_or(0, |value| value.0)
        }),
    ];
    for threads in [1, 2] {
        for (name, way) in &ways {
            let id = id(threads, name);
            criterion.bench_function(&id, |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| reads(threads, *way)).sum());
            });
        }
    }
    criterion.final_summary();
    println!(
        "\n{:38} {:>12} {:>12}",
        "reached a million times", "one thread", "two threads"
    );
    for (name, _) in &ways {
        let [one, two] = [1, 2].map(|threads| {
            let ratio = median(&id(threads, name))? / median(&id(threads, ways[0].0))?;
            Some(format!("{ratio:.2} x"))
        });
        let cell = |ratio: Option<String>| ratio.unwrap_or_else(|| "not run".to_owned());
        println!("{name:38} {:>12} {:>12}", cell(one), cell(two));
    }
}

/// The benchmark's name, which is also the name of the folder that criterion writes to.
fn id(threads: usize, name: &str) -> String {
    format!("{name} {threads}").replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// How long `threads` threads take for [`READS`] reads each, side by side.
fn reads(threads: usize, way: &(dyn Fn() -> u64 + Sync)) -> Duration {
    let start = Instant::now();
    let all = || (0..READS).map(|_| way()).fold(0, u64::wrapping_add);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| black_box(all()));
        }
        black_box(all());
    });
    start.elapsed()
}

/// The median that criterion has written down for this benchmark, in nanoseconds.
fn median(id: &str) -> Option<f64> {
    let file = Path::new(REPORTS).join(id).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
