//! Each change that a page asks the reader to try leads to what the page says. It is made in a copy of the
//! workspace, as by the book's Try button.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lesson_tests::SMALL_CRATES;
use lessons::cargo::{forget_this_package, offline};
use lessons::copy::Copy;
use lessons::page::{pages, workspace};
use lessons::try_it::{Change, changes};

#[test]
fn what_the_pages_ask_to_try_in_the_small_crates_gives_what_they_say() {
    try_all(|change| SMALL_CRATES.contains(&&*change.krate), "try-small");
}

#[test]
#[ignore = "minutes: cargo test -p lessons --test try_it -- --ignored"]
fn what_the_pages_ask_to_try_in_the_servers_gives_what_they_say() {
    try_all(
        |change| !SMALL_CRATES.contains(&&*change.krate),
        "try-servers",
    );
}

fn try_all(is_chosen: impl Fn(&Change) -> bool, name: &str) {
    let began = Instant::now();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let copy = Copy::of(&workspace(), target, name).unwrap();
    let pages = pages(&workspace()).unwrap();
    let all = pages.iter().flat_map(|page| changes(page).unwrap());
    let chosen: Vec<Change> = all.filter(is_chosen).collect();
    let mut wrong = String::new();
    for change in &chosen {
        if let Err(why) = try_out(&copy, change) {
            wrong += &format!("{}: {why:#}\n", change.at);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(
        chosen.len() >= 5,
        "{}: does this test still read the pages?",
        chosen.len()
    );
    println!("{} changes in {:.0?}", chosen.len(), began.elapsed());
}

fn try_out(copy: &Copy, change: &Change) -> anyhow::Result<()> {
    let _made = copy.with(change)?;
    let words = offline(&change.command()?);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    forget_this_package(&mut command);
    let output = command
        .envs(copy.environment())
        .env_remove("RUST_BACKTRACE")
        .env("NO_COLOR", "1")
        .current_dir(copy.folder())
        .stdin(Stdio::null())
        .output()?;
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let judged = change.judge(&printed.concat(), output.status.success());
    judged.map_err(|why| why.context(printed.concat()))
}
