//! The lecture's TypeScript beside our Rust: it compiles, runs, and gives the same answers, but for one.
//!
//! The sources stand in `lessons/typescript`, and their compiler is TypeScript's own, from npm.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lesson_tests::{Output, example, program, run, verdict, workspace};

#[test]
fn typescript_says_ts2673_to_a_second_manager_and_nothing_else() {
    let Some(compiled) = compiled() else { return };
    let errors: Vec<&str> = compiled.output.stdout.lines().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("10-singleton-game/second.ts")
            && errors[0].contains("error TS2673: Constructor of class 'GameManager' is private"),
        "{errors:?}"
    );
    assert!(page("10-singleton-game").contains(errors[0]), "{errors:?}");
}

#[test]
fn its_javascript_makes_the_second_manager_all_the_same() {
    let Some(compiled) = compiled() else { return };
    let printed = compiled.prints("10-singleton-game/second");
    assert_eq!(printed, "the instance has 1 game, the second manager 0\n");
    assert!(page("10-singleton-game").contains(&printed));
}

#[test]
fn main_and_logger_see_the_same_games_in_typescript_and_in_rust() {
    let Some(compiled) = compiled() else { return };
    for (folder, krate) in [
        ("05-module-store", "module-store"),
        ("07-bad-game", "bad-game"),
        ("08-exported-game", "exported-game"),
        ("10-singleton-game", "singleton-game"),
    ] {
        let printed = compiled.prints(&format!("{folder}/index"));
        let rust = program(krate).expect("cargo builds it");
        let rust = run(rust.command().args(["--add-every", "0"]), "").expect("it runs");
        let counts = verdict(&rust).split(": ").next();
        assert_eq!(counts, Some(printed.trim_end()), "{folder} and {krate}");
    }
}

#[test]
fn a_cache_that_is_a_map_loads_once_for_each_reader_and_its_copies_change() {
    prints_what_its_page_says("02-memory-cache");
}

#[test]
fn a_reply_is_kept_although_its_key_was_invalidated_and_each_server_loads() {
    prints_what_its_page_says("02b-one-cache-many-servers");
}

#[test]
fn a_game_that_awaits_the_database_last_shows_moves_that_are_not_stored() {
    prints_what_its_page_says("03-live-state");
}

#[test]
fn a_reducer_with_a_default_is_silent_about_each_fault_that_rust_refuses() {
    prints_what_its_page_says("06-reducer");
}

#[test]
fn a_module_is_one_for_each_copy_and_global_this_is_one_for_each_worker() {
    prints_what_its_page_says("07b-one-per-what");
}

#[test]
fn a_module_is_made_when_it_is_imported_and_what_it_computed_stays_after_a_reload() {
    prints_what_its_page_says("10b-life-of-a-static");
}

#[test]
fn channels_of_different_slots_are_refused_in_one_command_and_taken_one_by_one() {
    prints_what_its_page_says("12d-redis-cluster");
}

/// The block below the page's quotation is what the folder's `index.ts` prints.
fn prints_what_its_page_says(folder: &str) {
    let Some(compiled) = compiled() else { return };
    let printed = compiled.prints(&format!("{folder}/index"));
    assert!(printed.lines().count() > 1, "{printed}");
    let said = format!("\n```\n{printed}```\n");
    assert!(
        page(folder).contains(&said),
        "{folder} does not say\n{printed}"
    );
}

#[test]
fn two_examples_are_counted_by_one_static_in_both() {
    let Some(compiled) = compiled() else { return };
    let rust = example("singleton-game", "static_count").expect("cargo builds it");
    let rust = run(&mut rust.command(), "").expect("it runs");
    assert_eq!(compiled.prints("09-static-count/index"), rust.stdout);
}

#[test]
fn the_first_manager_sends_a_price_twice_and_remembers_undefined() {
    let Some(compiled) = compiled() else { return };
    assert_eq!(
        compiled.prints("11-naive-pubsub/index"),
        "one price, sent: asha APPL 100.1, asha APPL 100.1\n\
         APPL: asha,asha · NFLX: undefined\n"
    );
}

#[test]
fn an_answer_of_a_lost_connection_confirms_nothing_on_the_next_one() {
    let Some(compiled) = compiled() else { return };
    assert_eq!(
        compiled.prints("12a-pubsub-manager/index"),
        "first connection: SUBSCRIBE APPL\nsecond connection: SUBSCRIBE APPL\n"
    );
}

#[test]
fn a_start_that_was_rejected_stays_rejected_until_the_field_is_emptied() {
    let Some(compiled) = compiled() else { return };
    assert_eq!(
        compiled.prints("12b-start-can-fail/index"),
        "start, Redis is down: no Redis\nstart, Redis is up: no Redis\n\
         startAgain, Redis is up: started\n"
    );
}

#[test]
fn the_programs_of_page_0_print_the_same_in_typescript() {
    let Some(compiled) = compiled() else { return };
    for (script, name) in [
        ("ownership", "ownership"),
        ("borrow", "borrow"),
        ("closure", "closure"),
        ("patterns", "patterns"),
        ("question-mark", "question_mark"),
        ("traits", "traits"),
    ] {
        let printed = compiled.prints(&format!("00-reading-rust/{script}"));
        let rust = example("reading-rust", name).expect("cargo builds it");
        let rust = run(&mut rust.command(), "").expect("it runs").stdout;
        assert!(
            !printed.is_empty() && rust.starts_with(&printed),
            "{name}: {printed} and {rust}"
        );
    }
}

#[test]
fn a_promise_runs_at_once_and_a_future_when_it_is_awaited() {
    let Some(compiled) = compiled() else { return };
    let rust = example("reading-rust", "future").expect("cargo builds it");
    let rust = run(&mut rust.command(), "").expect("it runs");
    assert_eq!(
        rust.stdout,
        "a future is made\nSUBSCRIBE APPL\nsubscribed to 1\n"
    );
    assert_eq!(
        compiled.prints("00-reading-rust/future"),
        "SUBSCRIBE APPL\na promise is made\nsubscribed to 1\n"
    );
}

/// What the compiler said, and where its JavaScript is.
struct Compiled {
    output: Output,
    folder: PathBuf,
}

impl Compiled {
    fn prints(&self, file: &str) -> String {
        let file = self.folder.join(file).with_extension("js");
        let output = run(Command::new("node").arg(&file), "").expect("node runs");
        assert!(
            output.status.success(),
            "{}: {}",
            file.display(),
            output.stderr
        );
        output.stdout
    }
}

/// Compiles once for all tests. `None` where Node or the compiler is missing, which is said; in CI that
/// is a failure.
fn compiled() -> Option<&'static Compiled> {
    static COMPILED: OnceLock<Option<Compiled>> = OnceLock::new();
    COMPILED.get_or_init(compile).as_ref()
}

fn compile() -> Option<Compiled> {
    let sources = workspace().join("lessons/typescript");
    let compiler = sources.join("node_modules/typescript/bin/tsc");
    if Command::new("node").arg("--version").output().is_err() {
        harness::skip("Node is not installed", "see https://nodejs.org");
        return None;
    }
    if !compiler.exists() {
        harness::skip(
            "TypeScript is not installed",
            "npm ci --prefix lessons/typescript",
        );
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript");
    let output = run(
        Command::new("node")
            .arg(compiler)
            .arg("--outDir")
            .arg(&folder)
            .current_dir(&sources),
        "",
    );
    let output = output.expect("node runs the compiler");
    // It says of the JavaScript below it that it consists of modules.
    let manifest = std::fs::copy(sources.join("package.json"), folder.join("package.json"));
    manifest.unwrap_or_else(|error| panic!("nothing was written: {error}\n{}", output.stdout));
    Some(Compiled { output, folder })
}

fn page(name: &str) -> String {
    let page = workspace().join("lessons").join(name).with_extension("md");
    std::fs::read_to_string(page).expect("the page can be read")
}
