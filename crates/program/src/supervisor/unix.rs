//! The supervisor on systems with process groups and signals.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process,
    kill_process_group, setrlimit, wait, waitid,
};

use super::{Ask, Terms};

/// Runs a program until it ends, or until standard input does and it is made to end.
pub(super) fn run(terms: Terms, program: &OsStr, arguments: &[OsString]) -> io::Result<ExitCode> {
    // A process whose parent ends becomes a child of this one, even if it has left the process group.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    if terms.memory.is_some() {
        let limit = Rlimit {
            current: terms.memory,
            maximum: terms.memory,
        };
        setrlimit(Resource::Data, limit)?;
    }
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()?;
    let pid = Pid::from_child(&child);
    // Empty from the moment in which the child is waited for: its number may then be another process's.
    let group = Arc::new(Mutex::new(Some(pid)));
    let asked = Arc::clone(&group);
    thread::spawn(move || {
        // Returns when the program that holds the pipe closes it, or is gone.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        signal(
            &asked,
            match terms.ask {
                Ask::Interrupt => Signal::INT,
                Ask::Terminate => Signal::TERM,
            },
        );
        // A stopped process would not see the signal before it is killed.
        signal(&asked, Signal::CONT);
        thread::sleep(terms.grace);
        signal(&asked, Signal::KILL);
    });
    // Without reaping it: as long as it is a zombie, no other process or group gets its number.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
    signal(&group, Signal::KILL);
    group.lock().unwrap_or_else(PoisonError::into_inner).take();
    let status = child.wait()?;
    kill_adopted();
    Ok(exit_code(status))
}

fn signal(group: &Mutex<Option<Pid>>, signal: Signal) {
    // Locked while it is sent, so that the group is not given up in between.
    let group = group.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(group) = *group {
        // An error means that all of the group are gone.
        let _ = kill_process_group(group, signal);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal);
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Kills the processes that lost their parent and became children of this one, then their children, which
/// become ours in turn, until there is none.
fn kill_adopted() {
    loop {
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// The children of this process, which Linux lists by thread; none on other systems.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let numbers = lists.iter().flat_map(|list| list.split_whitespace());
    numbers
        .filter_map(|number| Pid::from_raw(number.parse().ok()?))
        .collect()
}
