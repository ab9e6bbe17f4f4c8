//! Who may start something through the book, and that what was started stays within its limits and ends.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/live.rs"]
mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lessons::page::workspace;
use live::{Book, processes, processes_by, wait_until};
use serde_json::{Value, json};

/// The copy of the workspace is one for all books, so the tests that change it take turns. A book is built and
/// started before the turn: it needs no copy, and takes seconds.
static COPY: Mutex<()> = Mutex::new(());

/// The tests that count the processes of a demonstration take turns.
static DEMONSTRATION: Mutex<()> = Mutex::new(());

/// The folder of the challenges is one for all books.
static CHALLENGE: Mutex<()> = Mutex::new(());

fn turn(of: &Mutex<()>) -> MutexGuard<'_, ()> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first command of lesson 5.
fn module_store() -> Value {
    json!({ "id": "05-module-store.md:1" })
}

#[test]
fn only_a_page_of_this_book_that_has_the_key_starts_something() {
    let book = Book::start();
    let ours = book.headers();
    let with = |name: &'static str, value: Option<&str>| {
        let mut headers = ours.clone();
        headers.retain(|(other, _)| *other != name);
        headers.extend(value.map(|value| (name, value.to_owned())));
        headers
    };
    let port = book.address.port();
    let body = json!({ "id": "no-such-thing" }).to_string();
    for (what, status, headers) in [
        (
            "a page of this book, and an unknown name",
            404,
            ours.clone(),
        ),
        ("no key", 403, with("cookie", None)),
        (
            "a wrong key",
            403,
            with("cookie", Some(&format!("lessons-{port}=0"))),
        ),
        ("no token", 403, with("x-lessons-token", None)),
        ("a wrong token", 403, with("x-lessons-token", Some("0"))),
        (
            "another site",
            403,
            with("origin", Some("http://example.org")),
        ),
        (
            "another port",
            403,
            with("origin", Some("http://127.0.0.1:1")),
        ),
        ("a sandboxed page", 403, with("origin", Some("null"))),
        ("no origin", 403, with("origin", None)),
        (
            "a name that was rebound",
            403,
            with("host", Some("example.org")),
        ),
        (
            "the browser says so",
            403,
            with("sec-fetch-site", Some("cross-site")),
        ),
        ("a form", 415, with("content-type", Some("text/plain"))),
    ] {
        let answer = book.request("POST", "/live/run", &headers, &body);
        assert_eq!(answer.0, status, "{what}: {}", answer.1);
    }
    // A browser asks in advance, without a cookie, before another site may send JSON.
    let mut preflight = with("cookie", None);
    preflight.push(("access-control-request-method", "POST".to_owned()));
    let answer = book.request("OPTIONS", "/live/run", &preflight, "");
    assert_eq!(answer.0, 403, "{}", answer.1);

    let no_key = book.request("GET", "/live?page=index.html", &with("cookie", None), "");
    assert_eq!(no_key.0, 200);
    assert!(!no_key.1.contains("token"), "{}", no_key.1);
    let rebound = with("host", Some("example.org"));
    let answer = book.request("GET", "/live?page=index.html", &rebound, "");
    assert_eq!(answer.0, 403, "{}", answer.1);
}

#[test]
fn only_what_the_pages_offer_is_started_and_no_more_than_64_kib_are_read() {
    let book = Book::start();
    for (path, body) in [
        ("run", json!({ "id": "05-module-store.md:1; touch /" })),
        ("run", json!({ "id": "cargo run -p module-store" })),
        (
            "check",
            json!({ "id": "../../../etc/passwd", "program": "" }),
        ),
        (
            "check",
            json!({ "id": "singleton-game/../hub/drop", "program": "" }),
        ),
        (
            "try",
            json!({ "id": "lessons/05-module-store.md:1", "diffs": [] }),
        ),
        ("answer", json!({ "name": "../Cargo", "code": "" })),
        (
            "challenge",
            json!({ "name": "../moves", "code": "", "again": false }),
        ),
        ("solution", json!({ "name": "../Cargo" })),
    ] {
        let path = format!("/live/{path}");
        let answer = book.request("POST", &path, &book.headers(), &body.to_string());
        assert_eq!(answer.0, 404, "{path} {body}: {}", answer.1);
    }
    let large = json!({ "id": "singleton-game/constructor", "program": "x".repeat(70 << 10) });
    let answer = book.request("POST", "/live/check", &book.headers(), &large.to_string());
    assert_eq!(answer.0, 413);
}

#[test]
fn the_key_is_in_a_file_of_its_owner_and_in_no_argument_and_another_user_gets_nothing() {
    let book = Book::start();
    let file = workspace().join("target/book.key");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(&file).unwrap();
    assert!(book.url.ends_with(&key), "{}", book.url);
    let ps = Command::new("ps").args(["-ef", "ww"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&ps.stdout).contains(&key));

    let address = book.address;
    let ask = format!(
        "cat {} ; curl -s http://{address}/live?page=index.html",
        file.display()
    );
    let nobody = Command::new("su")
        .args(["-s", "/bin/sh", "nobody", "-c", &ask])
        .stdin(Stdio::null())
        .output();
    // Only root may become another user.
    if let Some(output) = nobody.ok().filter(|output| output.status.success()) {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            said.contains("the address that the book's terminal shows"),
            "{said}"
        );
        assert!(!said.contains("token") && !said.contains(&key), "{said}");
    }
}

#[test]
fn a_program_that_runs_is_not_started_again_and_prints_its_verdict_when_it_is_stopped() {
    let book = Book::start();
    let _turn = turn(&DEMONSTRATION);
    let mut running = book.start_live("run", &module_store());
    let number = running.until("round  index");
    let again = book.request(
        "POST",
        "/live/run",
        &book.headers(),
        &module_store().to_string(),
    );
    assert_eq!(again.0, 409, "{}", again.1);
    let stop = json!({ "number": number }).to_string();
    assert_eq!(
        book.request("POST", "/live/stop", &book.headers(), &stop).0,
        204
    );
    let (output, last) = running.end();
    assert!(output.contains("verdict: "), "{output}");
    assert_eq!(last["ended"], "it was stopped", "{last}");
    assert!(processes("debug/module-store").is_empty());
    assert_eq!(
        book.request("POST", "/live/stop", &book.headers(), &stop).0,
        410
    );
}

#[test]
fn two_programs_run_at_once_and_a_page_offers_what_it_has_in_several_terminals() {
    let book = Book::start();
    let _turn = turn(&DEMONSTRATION);
    let mut one = book.start_live("run", &module_store());
    let mut other = book.start_live("run", &json!({ "id": "07-bad-game.md:1" }));
    one.until("round  index");
    other.until("round  index");
    drop((one, other));
    wait_until("the pages are left and the programs end", || {
        processes("debug/module-store").is_empty() && processes("debug/bad-game").is_empty()
    });

    let offers = book.offers("12c-real-redis.html");
    let runs = offers["runs"].as_array().unwrap().iter();
    let runs: Vec<&str> = runs.map(|run| run["command"].as_str().unwrap()).collect();
    assert!(runs[0].starts_with("redis-server "), "{runs:?}");
    assert!(
        runs[1].starts_with("cargo run -p pubsub-manager "),
        "{runs:?}"
    );
    assert_eq!(runs[1], runs[2], "a server in each of two terminals");
    assert!(runs[3].starts_with("redis-cli "), "{runs:?}");
}

#[test]
fn a_program_ends_with_the_page_that_is_left_and_with_the_book_that_is_killed() {
    let mut book = Book::start();
    let _turn = turn(&DEMONSTRATION);
    let is_gone = || processes("debug/module-store").is_empty();
    let mut running = book.start_live("run", &module_store());
    running.until("round  index");
    assert!(!is_gone());
    drop(running);
    wait_until("the page is left and the program ends", is_gone);

    let mut running = book.start_live("run", &module_store());
    running.until("round  index");
    assert!(!is_gone());
    book.child.kill().unwrap();
    wait_until("the book is killed and the program ends", is_gone);
}

#[test]
fn a_change_is_tried_in_a_copy_and_a_book_that_is_killed_meanwhile_leaves_nothing() {
    let copy = workspace().canonicalize().unwrap().join("target/book");
    let mut book = Book::start();
    let _turn = turn(&COPY);
    let offers = book.offers("05-module-store.html");
    let change = &offers["changes"][1];
    let body = json!({ "id": change["id"], "diffs": change["diffs"] });

    let mut tried = book.start_live("try", &body);
    tried.until("Compiling");
    book.child.kill().unwrap();
    wait_until("the book is killed and the build ends", || {
        processes_by("cwd", &copy).is_empty()
    });

    let book = Book::start();
    let (output, last) = book.start_live("try", &body).end();
    assert_eq!(last["said"], "This is what the page expects.", "{output}");
    let file = "crates/module-store/src/logger.rs";
    let read = |folder: &Path| fs::read_to_string(folder.join(file)).unwrap();
    assert_eq!(read(&copy), read(&workspace()));

    let other = json!({ "id": change["id"], "diffs": ["-no such line\n"] });
    let (_, last) = book.start_live("try", &other).end();
    let said = last["said"].as_str().unwrap();
    assert!(
        said.contains("does not contain these lines exactly once"),
        "{said}"
    );
}

#[test]
fn a_program_is_checked_and_not_run_and_a_manager_more_is_counted() {
    let book = Book::start();
    let _turn = turn(&COPY);
    let offers = book.offers("10-singleton-game.html");
    let mut cases = offers["cases"].as_array().unwrap().iter();
    let case = cases.find(|case| case["id"] == "singleton-game/constructor");
    let case = case.unwrap()["program"].as_str().unwrap();
    let ask = |what: &str, program: &str| {
        let body = json!({ "id": "singleton-game/constructor", "program": program });
        book.start_live(what, &body).end().1
    };
    let last = ask("check", case);
    assert_eq!(
        last["said"], "Refused for the declared reason: E0624.",
        "{last}"
    );
    assert_eq!(last["came"], true);
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .contains("private associated function")
    );

    let last = ask("check", "fn main() { let one: u8 = \"\"; }");
    let said = "Refused, but for another reason: E0308. The case declares E0624.";
    assert_eq!(last["said"], said, "{last}");

    let reference = case.replace("GameManager::new()", "GameManager::instance().clone()");
    let last = ask("check", &reference);
    assert_eq!(last["compiles"], true, "{last}");
    assert!(
        last["message"].as_str().unwrap().contains("does nothing"),
        "{last}"
    );
    let counted = ask("count", &reference);
    let said = counted["said"].as_str().unwrap();
    assert!(
        said.starts_with("The constructor made one manager."),
        "{said}"
    );

    // The compiler reads what its user may read. What it reads goes nowhere: the program is not run.
    let reads = "fn main() { println!(\"{} {}\", include_str!(\"/etc/passwd\"), env!(\"PATH\")); }";
    let last = ask("check", reads);
    assert_eq!(
        (&last["compiles"], &last["message"]),
        (&json!(true), &json!("")),
        "{last}"
    );

    let endless = "#![allow(long_running_const_eval)]\nconst N: u64 = { let mut n = 0_u64; while n < u64::MAX { n += 1; } n };\nfn main() { println!(\"{N}\"); }";
    let last = ask("check", endless);
    assert_eq!(
        last["said"], "Not to the end: it was stopped after 10 s.",
        "{last}"
    );
}

#[test]
fn a_program_that_prints_allocates_or_forks_without_end_is_bounded() {
    let book = Book::start();
    let _turn = turn(&COPY);
    let run = |program: &str| {
        let body = json!({ "id": "singleton-game/constructor", "program": program });
        book.start_live("count", &body)
    };
    let (output, last) = run("fn main() {\n    loop { println!(\"without end\"); }\n}\n").end();
    let said = "Not to the end: it was stopped after 64 KiB of output.";
    assert_eq!(last["said"], said);
    assert!(output.len() < 80 << 10, "{}", output.len());

    let (output, _) = run("fn main() {\n    let all = vec![0_u8; 8 << 30];\n    println!(\"has {}\", all.len());\n}\n").end();
    assert!(
        output.contains("memory allocation of 8589934592 bytes failed"),
        "{output}"
    );

    let forks = "fn main() {\n    for _ in 0..20 {\n        let sleep = std::process::Command::new(\"setsid\").args([\"sleep\", \"600\"]).spawn();\n        sleep.unwrap();\n    }\n    println!(\"has forked\");\n    std::thread::park();\n}\n";
    let copy = workspace().canonicalize().unwrap().join("target/book");
    let mut running = run(forks);
    running.until("has forked");
    assert!(processes_by("cwd", &copy).len() >= 20);
    drop(running);
    wait_until("the page is left and all forks end", || {
        processes_by("cwd", &copy).is_empty()
    });
}

#[test]
fn an_exercise_is_judged_by_the_tests_that_were_shipped_and_written_for_rustlings() {
    let book = Book::start();
    let _turn = turn(&COPY);
    let offers = book.offers("10-singleton-game.html");
    let mut exercises = offers["exercises"].as_array().unwrap().iter();
    let exercise = exercises.find(|exercise| exercise["name"] == "private_new");
    let exercise = exercise.unwrap();
    let code = exercise["code"].as_str().unwrap();
    let answer = |code: &str| {
        let body = json!({ "name": "private_new", "code": code });
        book.start_live("answer", &body).end().1
    };
    let last = answer(code);
    let said = last["said"].as_str().unwrap();
    assert!(
        said.starts_with("Not yet, this fails: nobody_outside_can_call_new."),
        "{said}"
    );
    assert!(
        said.contains("the reason with which the exercise begins"),
        "{said}"
    );

    let own_tests =
        format!("{code}\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn passes() {{}}\n}}\n");
    assert_eq!(answer(&own_tests)["came"], false);

    let body = json!({ "name": "private_new" }).to_string();
    let solution = book
        .request("POST", "/live/solution", &book.headers(), &body)
        .1;
    let solution: Value =
        serde_json::from_str(solution.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    let last = answer(solution["code"].as_str().unwrap());
    assert_eq!(last["came"], true, "{last}");

    // The page's answer is the file of rustlings, byte by byte.
    let file = workspace().join("lessons/exercises/exercises/private_new.rs");
    let before = fs::read_to_string(&file).unwrap();
    let write = |seen: &Value| {
        let body = json!({ "name": "private_new", "code": code, "seen": seen }).to_string();
        book.request("POST", "/live/write", &book.headers(), &body)
    };
    assert_eq!(write(&exercise["seen"]).0, 200);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(write(&json!("of another text")).0, 409);
}

#[test]
fn a_server_for_a_challenge_is_compiled_and_checked_and_the_story_that_breaks_it_is_a_figure() {
    if !live::checks_challenges() {
        return;
    }
    let book = Book::start();
    let _turn = turn(&CHALLENGE);
    let challenge = book.offers("w5-relay.html")["challenges"][0].clone();
    assert_eq!(challenge["name"], "relay");
    let first = challenge["code"].as_str().unwrap();
    let check = |code: &str, again: bool| {
        let body = json!({ "name": "relay", "code": code, "again": again });
        book.start_live("challenge", &body).end()
    };
    let (output, last) = check(first, false);
    let said = "Not yet. Level 1, no faults: a rule is broken.";
    assert_eq!(last["said"], said, "{output}");
    assert!(output.contains("2. Ann closes the page."), "{output}");
    let figure = last["figure"].as_str().unwrap();
    assert!(figure.starts_with("<figure class=\"steps"), "{figure}");

    // What it prints is shown when the story is told again.
    let prints = first.replace(
        "switch (event.type) {",
        "console.log(`sees ${event.type}`);\n    switch (event.type) {",
    );
    let (output, last) = check(&prints, true);
    assert_eq!(last["said"], "The story breaks a rule.", "{output}");
    assert!(output.contains("| sees user_disconnected"), "{output}");

    let (_, last) = check(&first.replace("stock, number }", "stock }"), false);
    assert_eq!(last["said"], "It does not compile: TS2322.", "{last}");
    let message = last["message"].as_str().unwrap();
    assert!(message.contains("relay.ts("), "{message}");
    assert_eq!(last["figure"], Value::Null);

    let (output, last) = check(&live::right_relay(), false);
    let said = "Held: every rule holds at every level.";
    assert_eq!(
        (&last["said"], &last["came"]),
        (&json!(said), &json!(true)),
        "{output}"
    );
    assert_eq!(last["figure"], Value::Null);
}

#[test]
fn a_server_for_a_challenge_that_hangs_ends_with_the_page_and_only_one_is_checked_at_a_time() {
    if !live::checks_challenges() {
        return;
    }
    let book = Book::start();
    let _turn = turn(&CHALLENGE);
    let hangs = json!({ "name": "relay", "code": "while (true);", "again": false });
    let running = book.start_live("challenge", &hangs);
    let server = || {
        let here = processes_by("cwd", &workspace().canonicalize().unwrap());
        let is_ours = |process: &std::path::PathBuf| {
            let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            words.starts_with("node\0target/workbench/page/")
        };
        here.into_iter().filter(is_ours).count()
    };
    wait_until("the server is started", || server() == 1);
    let other = json!({ "name": "moves", "code": "", "again": false }).to_string();
    let refused = book.request("POST", "/live/challenge", &book.headers(), &other);
    assert_eq!(refused.0, 409, "{}", refused.1);
    drop(running);
    wait_until("the page is left and the server ends", || server() == 0);
}
