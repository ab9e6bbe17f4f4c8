//! A process of a test.
#![cfg(unix)]

use std::process::{Command, Stdio};

use harness::{Process, until};

fn shell(script: &str) -> Process {
    Process::start(
        Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped()),
    )
}

#[test]
fn what_it_prints_is_read_line_by_line_and_its_end_is_waited_for() {
    let mut process = shell("echo ready; read line; echo got $line >&2; exit 3");
    process.until_output("ready\n");
    process.write("e2e4\n");
    assert_eq!(process.wait().code(), Some(3));
    assert_eq!(process.output(), "ready\ngot e2e4\n");
}

#[test]
fn a_signal_reaches_it() {
    let mut process =
        shell("trap 'echo asked to end; exit 0' TERM; echo ready; while :; do read line; done");
    process.until_output("ready");
    process.signal("TERM");
    process.close_input();
    assert!(process.wait().success());
    assert!(process.output().ends_with("asked to end\n"));
}

#[test]
#[should_panic(expected = "ended without printing \"listening\"")]
fn a_process_that_ended_is_not_waited_for() {
    shell("echo the port is taken").until_output("listening");
}

#[test]
fn it_ends_with_its_value() {
    let process = shell("exec sleep 600");
    let id = process.id().to_string();
    let exists = || {
        let mut kill = Command::new("kill");
        let checked = kill.args(["-0", &id]).stderr(Stdio::null());
        checked.status().is_ok_and(|status| status.success())
    };
    assert!(exists());
    drop(process);
    until("the process is gone", || !exists());
}
