//! A test that cannot run here, and how that is reported.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// Reports that this test is skipped, and how to install what it needs. With `CI` set, it panics instead.
#[track_caller]
pub fn skip(why: &str, install: &str) {
    assert!(
        env::var_os("CI").is_none(),
        "{why}, and in CI no test is skipped: {install}"
    );
    // libtest captures eprintln!, and a test that was skipped must not look like one that passed.
    let notice = format!("SKIPPED: {why}: {install}\n");
    let _ = std::io::stderr().write_all(notice.as_bytes());
}

/// Whether `program`, run with `flag`, ends successfully. If not, the test is [skipped](skip).
#[track_caller]
pub fn is_installed(program: &str, flag: &str, install: &str) -> bool {
    let mut version = Command::new(program);
    version
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Where snaps are usual, `chromium` can be a script that only says what to install, and fails.
    let is_installed = version.status().is_ok_and(|status| status.success());
    if !is_installed {
        skip(&format!("{program} is not installed"), install);
    }
    is_installed
}
