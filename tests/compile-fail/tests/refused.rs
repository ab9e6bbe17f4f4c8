//! What the compiler refuses, and in which words: one test for each program under `ui/`.
//!
//! trybuild builds them together, which is what makes it fast, and panics once for all of them. So it
//! runs in a child of this program, and each test reads its own part of what the child has printed.

use std::process::{Command, ExitCode};
use std::sync::{Arc, LazyLock};
use std::{env, fs};

use compile_fail::batch::{self, Outcome};
use compile_fail::case::Case;
use compile_fail::inventory::{CRATES, Inventory, ui};
use libtest_mimic::{Arguments, Failed, Trial};

/// What the child is to try: the cases, with spaces between them.
const BATCH: &str = "COMPILE_FAIL_BATCH";

/// What stands before the name of each test.
const KIND: &str = "refused";

fn main() -> ExitCode {
    if let Ok(cases) = env::var(BATCH) {
        try_all(cases.split(' '));
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    // All wait for one child, and in this order they are the order of the lessons.
    arguments.test_threads = Some(1);
    let is_chosen = |case: &String| {
        let trial = Trial::test(case.clone(), || Ok(())).with_kind(KIND);
        !arguments.is_filtered_out(&trial)
    };
    let chosen: Vec<String> = cases().filter(is_chosen).collect();
    let printed = Arc::new(LazyLock::new(move || in_a_child(&chosen)));
    let trial = |case: String| {
        let printed = Arc::clone(&printed);
        Trial::test(case.clone(), move || is_refused(&case, &printed)).with_kind(KIND)
    };
    let trials = cases().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// All cases, such as `singleton-game/default`.
fn cases() -> impl Iterator<Item = String> {
    CRATES.into_iter().flat_map(|krate| {
        let inventory =
            Inventory::read(&ui().join(krate)).unwrap_or_else(|error| panic!("{error}"));
        let cases = inventory.cases.into_iter();
        cases.map(move |case| format!("{krate}/{case}"))
    })
}

fn try_all<'a>(cases: impl Iterator<Item = &'a str>) {
    let tests = trybuild::TestCases::new();
    for case in cases {
        tests.compile_fail(format!("ui/{case}.rs"));
    }
}

/// What trybuild prints about these cases.
fn in_a_child(cases: &[String]) -> String {
    // It would write a missing snapshot to a folder of its own and leave it there.
    let writes = env::var_os("TRYBUILD").is_some();
    let has_words = |case: &&String| writes || ui().join(case).with_extension("stderr").exists();
    let cases: Vec<&str> = cases.iter().filter(has_words).map(String::as_str).collect();
    let child = Command::new(env::current_exe().expect("this program has a path"))
        .env(BATCH, cases.join(" "))
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .output()
        .expect("this program starts once more");
    [child.stdout, child.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat()
}

fn is_refused(case: &str, printed: &str) -> Result<(), Failed> {
    let path = format!("ui/{case}.rs");
    let program = fs::read_to_string(ui().join(case).with_extension("rs"))?;
    let Case { tried, .. } = program
        .parse()
        .map_err(|error| format!("{path}: {error}"))?;
    let why = match batch::outcome(printed, &path) {
        Some(Outcome::Refused) => return Ok(()),
        Some(Outcome::Compiled) => "nothing refuses it: it compiles".to_owned(),
        Some(Outcome::OtherWords(words)) => format!(
            "it is refused, and not in the words of its .stderr. If only words have changed, write \
             them again with TRYBUILD=overwrite, and read the difference.\n{words}"
        ),
        None if !ui().join(case).with_extension("stderr").exists() => {
            "it has no .stderr beside it, so it may be refused for any reason at all; take it back \
             from git, or have it written with TRYBUILD=overwrite and read it"
                .to_owned()
        }
        None => format!("it was not tried:\n{printed}"),
    };
    Err(format!("{path}\ntried: {tried}\n{why}").into())
}
