//! What the tests with real servers share.
#![allow(dead_code, reason = "no test file needs all of it")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use harness::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The server of this workspace, built once. It belongs to another package, so cargo does not
/// build it for our tests.
pub(crate) fn stock_feed() -> &'static Path {
    static PROGRAM: OnceLock<escargot::CargoRun> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            escargot::CargoBuild::new()
                .package("stock-feed")
                .bin("stock-feed")
                .current_release()
                .run()
                .unwrap()
        })
        .path()
}

/// A command of feed-load with these arguments, which have no spaces in them.
pub(crate) fn feed_load(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feed-load"));
    command.args(arguments.split_whitespace());
    command
}

/// What a feed-load command measured, as its `--json` says.
#[track_caller]
pub(crate) fn measured(command: &mut Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every price reached every user once.
#[track_caller]
pub(crate) fn nothing_went_wrong(prices: &Value) {
    for nothing in [
        "lost",
        "doubled",
        "missed",
        "miscounted",
        "stale_notices",
        "missed_while_stale",
        "without_newest",
        "faults",
    ] {
        assert_eq!(prices[nothing], 0, "{nothing} in {prices:#}");
    }
}

/// A server on a port of its own choice, which it prints in its first line.
pub(crate) fn server(flags: &str) -> (Process, SocketAddr) {
    let server = Process::start(
        Command::new(stock_feed())
            .args(["--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "error")
            .args(flags.split_whitespace()),
    );
    let url = server.url();
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    (server, address)
}

pub(crate) fn signal(process: u32, signal: Signal) {
    kill(Pid::from_raw(process.cast_signed()), signal).unwrap();
}

/// The children of a process that have become what they are to be, with their command lines.
pub(crate) fn children(parent: u32) -> Vec<(i32, String)> {
    let child = |process: procfs::process::Process| {
        let line = process.cmdline().unwrap_or_default().join(" ");
        let ours = process
            .stat()
            .is_ok_and(|stat| stat.ppid == parent.cast_signed() && stat.state != 'Z');
        (ours && !line.contains("guard")).then_some((process.pid, line))
    };
    let processes = procfs::process::all_processes().unwrap();
    processes.filter_map(Result::ok).filter_map(child).collect()
}

pub(crate) fn wait_until_gone(processes: &[i32]) {
    eventually("every process that was started ends", || {
        let gone = |pid: &i32| match procfs::process::Process::new(*pid).and_then(|it| it.stat()) {
            Ok(stat) => stat.state == 'Z',
            Err(_) => true,
        };
        processes.iter().all(gone).then_some(())
    });
}

/// Polls with a deadline.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
