//! A program as the first process of a container, where the kernel ignores a signal without a handler:
//! `docker stop` then waits ten seconds and kills it, and no verdict is printed.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use crate::handlers::has_its_handlers;
use crate::skip;
use crate::wait::TIMEOUT;

/// Runs a program as process 1, sends it SIGTERM as soon as its handlers are set, and returns what it did.
/// Its standard input stays open. `None` if the system makes no container, which is [reported](skip).
///
/// # Panics
/// The program ends before it is asked to, or sets no handlers.
#[track_caller]
pub fn terminated_as_process_1(command: &Command) -> Option<Output> {
    let mut container = Command::new("unshare");
    // As the user that we are, who need not be root for it if the kernel allows that.
    let flags = [
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
    ];
    container
        .args(flags)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut container = match container.spawn() {
        Ok(container) => container,
        Err(error) => {
            not_here(&error.to_string());
            return None;
        }
    };
    // Waiting for the output would close it.
    let input = container.stdin.take();
    let Some(process) = process_1(&container) else {
        let refused = container.wait_with_output().expect("it is our child");
        not_here(String::from_utf8_lossy(&refused.stderr).trim());
        return None;
    };
    let sent = Command::new("kill")
        .args(["-TERM", &process.to_string()])
        .status();
    assert!(sent.expect("a shell's kill").success());
    let output = container.wait_with_output().expect("it is our child");
    drop(input);
    Some(output)
}

#[track_caller]
fn not_here(why: &str) {
    let why = format!("unshare cannot make a container here ({why})");
    skip(&why, "run the test as root, on Linux");
}

/// The number by which we know process 1 of the container, once its handlers are set; none if there is no
/// container.
fn process_1(container: &Child) -> Option<u32> {
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
        let process = children.split_whitespace().next();
        let process = process.and_then(|process| process.parse().ok());
        if let Some(process) = process.filter(|process| has_its_handlers(*process)) {
            return Some(process);
        }
        assert!(
            start.elapsed() < TIMEOUT,
            "the program sets no handlers for signals"
        );
        thread::yield_now();
    }
}
