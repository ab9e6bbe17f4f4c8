//! A program as the first process of a container, where the kernel ignores a signal without a handler:
//! `docker stop` then waits ten seconds and kills it, and no verdict is printed.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lesson_tests::program;

/// How long a test waits for something that is immediate on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bit of SIGTERM in the masks of `/proc/PID/status`.
const SIGTERM: u64 = 1 << 14;

#[test]
fn sigterm_ends_a_program_that_is_process_1_with_its_verdict() {
    for (name, flags) in [
        ("singleton-game", &["--forever"][..]),
        ("module-store", &["--add-every", "1h"]),
        ("naive-pubsub", &["--every", "1h"]),
    ] {
        let built = program(name).expect("cargo builds it");
        let mut container = Command::new("unshare");
        // As the user that we are, who need not be root for it where the kernel allows that.
        container.args([
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
        ]);
        container.arg(built.path()).args(flags);
        let started = container
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Some(process) = started.as_ref().ok().and_then(process_1) else {
            return skipped(started);
        };
        let sent = Command::new("kill").args(["-TERM", &process]).status();
        assert!(sent.expect("a shell's kill").success());
        let ended = started.expect("it was started").wait_with_output();
        let ended = ended.expect("it is our child");
        let stdout = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{name}: {ended:?}");
        assert!(stdout.contains("\nverdict: "), "{name}: {stdout}");
    }
}

/// The number that we know process 1 of the container by, once it handles SIGTERM; none if there is no
/// container.
fn process_1(container: &Child) -> Option<String> {
    let children = format!("/proc/{0}/task/{0}/children", container.id());
    let start = Instant::now();
    loop {
        // Gone, if the system has refused it.
        let children = fs::read_to_string(&children).ok()?;
        let is_refused = fs::read_to_string(format!("/proc/{}/stat", container.id()))
            .is_ok_and(|stat| stat.contains(") Z "));
        if is_refused {
            return None;
        }
        let process = children.split_whitespace().next().map(str::to_owned);
        if let Some(process) = process.filter(|process| handles_sigterm(process)) {
            return Some(process);
        }
        assert!(start.elapsed() < PATIENCE, "it does not handle SIGTERM");
        thread::yield_now();
    }
}

fn handles_sigterm(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & SIGTERM != 0)
}

/// Past the capture of a test's output, so that it is seen.
fn skipped(started: io::Result<Child>) {
    let why = match started.map(Child::wait_with_output) {
        Ok(Ok(refused)) => String::from_utf8_lossy(&refused.stderr).trim().to_owned(),
        Ok(Err(error)) | Err(error) => error.to_string(),
    };
    assert!(env::var_os("CI").is_none(), "unshare: {why}");
    let notice = format!("skipped: unshare cannot make a container here ({why}); run it as root\n");
    let _ = io::stderr().write_all(notice.as_bytes());
}
