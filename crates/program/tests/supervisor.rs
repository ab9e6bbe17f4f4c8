//! Nothing that a program starts under a supervisor outlives it. This test program is its own supervisor,
//! and with `--hold` the parent that is killed.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use program::supervisor::{self, Ask, NOT_FOUND, Supervisor, Terms};
use tempfile::TempDir;

/// How long a test waits for a process to start or end, on a busy machine as well.
const TIMEOUT: Duration = Duration::from_secs(20);

/// SIGINT, and a short grace.
const TERMS: Terms = Terms {
    ask: Ask::Interrupt,
    grace: Duration::from_millis(300),
    memory: None,
};

/// Ignores what asks it to end, and leaves a process in a session of its own that does so as well.
const STUBBORN: &str = "trap '' INT TERM HUP; setsid sh -c 'while :; do sleep 1; done' & \
    echo ready; while :; do sleep 1; done";

fn main() -> ExitCode {
    if let Some(code) = supervisor::supervise() {
        return code;
    }
    if env::args().nth(1).as_deref() == Some("--hold") {
        return hold();
    }
    let tests: [(&str, fn()); 8] = [
        (
            "a_closed_pipe_ends_a_program_that_ignores_signals_and_what_left_its_group",
            a_closed_pipe_ends_all,
        ),
        (
            "kill_9_of_the_program_that_holds_the_pipe_ends_all_that_it_started",
            kill_9_ends_all,
        ),
        (
            "a_program_whose_file_was_deleted_still_starts_a_supervisor",
            a_deleted_file_still_supervises,
        ),
        (
            "a_program_that_is_asked_to_end_has_time_for_its_last_words",
            last_words,
        ),
        (
            "a_stopped_program_has_its_last_words_too",
            last_words_when_stopped,
        ),
        (
            "a_program_that_ends_leaves_nothing_and_its_exit_code_is_kept",
            exit_code_is_kept,
        ),
        (
            "a_program_that_does_not_exist_gives_127_and_says_so",
            not_found,
        ),
        (
            "each_process_of_a_program_has_no_more_memory_than_the_terms_say",
            memory_is_limited,
        ),
    ];
    let tests = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.into()).exit_code()
}

/// Starts a stubborn program once a line arrives, and waits to be killed.
fn hold() -> ExitCode {
    io::stdin().read_line(&mut String::new()).unwrap();
    let child = Supervisor::this()
        .command("sh", TERMS)
        .args(["-c", STUBBORN])
        .spawn();
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
    drop(child);
    ExitCode::SUCCESS
}

/// Starts a shell under a supervisor, in a folder by which its processes are known.
fn start(folder: &Path, terms: Terms, script: &str) -> Child {
    let mut command = Supervisor::this().command("sh", terms);
    command.args(["-c", script]).current_dir(folder);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads the line that says that a program runs.
fn ready(child: &mut Child) -> BufReader<std::process::ChildStdout> {
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    output
}

/// The processes whose working folder is this one.
fn processes_in(folder: &Path) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let folders = entries.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok());
    folders.filter(|cwd| cwd == folder).count()
}

fn wait_until_none_in(folder: &Path) {
    let until = Instant::now() + TIMEOUT;
    while processes_in(folder) > 0 {
        assert!(Instant::now() < until, "{} are left", processes_in(folder));
        thread::sleep(Duration::from_millis(10));
    }
}

fn a_closed_pipe_ends_all() {
    let folder = TempDir::new().unwrap();
    let mut child = start(folder.path(), TERMS, STUBBORN);
    let _output = ready(&mut child);
    assert!(processes_in(folder.path()) >= 3);
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
    assert_eq!(processes_in(folder.path()), 0);
}

fn kill_9_ends_all() {
    end_by_kill_9(&env::current_exe().unwrap(), |_| {});
}

fn a_deleted_file_still_supervises() {
    let copies = TempDir::new().unwrap();
    let copy = copies.path().join("copy");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    end_by_kill_9(&copy, |copy| fs::remove_file(copy).unwrap());
}

fn end_by_kill_9(program: &Path, before: impl FnOnce(&Path)) {
    let folder = TempDir::new().unwrap();
    let mut holder = Command::new(program)
        .arg("--hold")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    before(program);
    io::Write::write_all(holder.stdin.as_mut().unwrap(), b"go\n").unwrap();
    let _output = ready(&mut holder);
    assert!(processes_in(folder.path()) >= 4);
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until_none_in(folder.path());
}

fn last_words() {
    let folder = TempDir::new().unwrap();
    let script = "trap 'echo verdict; exit 0' INT; echo ready; while :; do sleep 0.01; done";
    let mut child = start(folder.path(), with_time(), script);
    let mut output = ready(&mut child);
    drop(child.stdin.take());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "verdict\n");
    assert!(child.wait().unwrap().success());
}

fn last_words_when_stopped() {
    let folder = TempDir::new().unwrap();
    let script =
        "trap 'echo verdict; exit 0' INT; echo ready; kill -STOP $$; while :; do sleep 0.01; done";
    let mut child = start(folder.path(), with_time(), script);
    let mut output = ready(&mut child);
    drop(child.stdin.take());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "verdict\n");
}

/// Time enough for a machine that is busy.
fn with_time() -> Terms {
    Terms {
        grace: TIMEOUT,
        ..TERMS
    }
}

fn exit_code_is_kept() {
    let folder = TempDir::new().unwrap();
    let script = "setsid sh -c 'while :; do sleep 1; done' & exit 3";
    let mut child = start(folder.path(), TERMS, script);
    let _held = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(processes_in(folder.path()), 0);
}

fn not_found() {
    let mut command = Supervisor::this().command("no-such-program", TERMS);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(NOT_FOUND.into()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(": cannot start no-such-program: "), "{said}");
}

fn memory_is_limited() {
    let terms = Terms {
        memory: Some(64 << 20),
        ..with_time()
    };
    let folder = TempDir::new().unwrap();
    let mut child = start(folder.path(), terms, "ulimit -d; ulimit -H -d");
    let mut text = String::new();
    let _held = child.stdin.take();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "65536\n65536\n");
    child.wait().unwrap();
}
