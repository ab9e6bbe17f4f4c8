//! What can be wrong with a server besides its idea: each mistake is told in a sentence.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{Run, file, folder, has_node, workbench};

/// A server in JavaScript. `import` and the class are given; this is the body of `on`.
fn on(name: &str, outside: &str, body: &str) -> String {
    let helper = file("typescript/workbench.js").display().to_string();
    let text = format!(
        "import {{ serve }} from {helper:?};\n{outside}\nserve(() => ({{\n  {body}\n}}));\n"
    );
    script(name, &text)
}

/// A program without the helper.
fn script(name: &str, text: &str) -> String {
    let path = folder().join(format!("{name}.mjs"));
    fs::write(&path, text).expect("the target folder can be written");
    path.display().to_string()
}

/// A server without the helper: it answers each line with what `answer` evaluates to.
fn plain(name: &str, answer: &str) -> String {
    let text = format!(
        "import {{ createInterface }} from 'node:readline';\n\
         for await (const line of createInterface({{ input: process.stdin }})) {{\n  \
         const event = JSON.parse(line);\n  console.log({answer});\n}}\n"
    );
    script(name, &text)
}

fn check(path: &str) -> Run {
    workbench(&["relay", "--stories", "50", "--", "node", path])
}

/// The run fails, and this sentence says why.
#[track_caller]
fn says(path: &str, words: &str) {
    let run = check(path);
    assert_eq!(run.code, Some(1), "{run:?}");
    let printed = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(printed.contains(words), "{}", run.stdout);
}

#[test]
fn an_exception_names_its_line() {
    if has_node() {
        let body = "on(_now, { type, stock }) {\n    if (type === 'price') throw new Error('no such stock');\n    \
                    return type === 'user_subscribe' ? [{ type: 'channel_subscribe', stock }] : [];\n  }";
        let path = on("exception", "", body);
        says(&path, "The server fails: Error: no such stock at");
        says(&path, "exception.mjs:5:");
    }
}

#[test]
fn a_server_that_ends_is_named_with_its_exit_status_and_its_last_words() {
    if has_node() {
        let body = "on(_now, event) { if (event.type === 'user_subscribe') { \
                    console.log('I have had enough'); process.exit(3); } return []; }";
        let path = on("exit", "", body);
        says(
            &path,
            "it ended (exit status: 3); at last it printed: | I have had enough It had received",
        );
    }
}

#[test]
fn a_server_that_hangs_is_ended_and_the_last_event_is_named() {
    if has_node() {
        let body = "on(_now, event) { while (event.type === 'user_subscribe'); return []; }";
        let path = on("hang", "", body);
        let begun = Instant::now();
        says(&path, "It had received {\"type\":\"user_subscribe\",");
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            begun.elapsed()
        );
        says(&path, "it did not answer for");
    }
}

#[test]
fn a_conversation_without_an_end_is_a_fault() {
    if has_node() {
        let body = "on(_now, event) { const { stock } = event; return stock && event.type !== 'price' \
                    ? [{ type: 'channel_subscribe', stock }] : []; }";
        let path = on("endless", "", body);
        says(&path, "and so on.");
        says(&path, "answer each other without end");
    }
}

#[test]
fn a_server_that_fails_at_its_first_event_is_told_which_one_it_was() {
    if has_node() {
        let body = "on(_now, { type }) { if (type === 'connected') throw new Error('not now'); return []; }";
        let path = on("at-start", "", body);
        says(&path, "No step is needed: it fails at its start.");
        says(&path, "The server fails: Error: not now");
        says(&path, "It had received {\"type\":\"connected\"}.");
        assert!(!check(&path).stdout.contains("the shortest there is"));
    }
}

/// Tells a story of the relay to a right server that `from` in its text, replaced with `to`, makes wrong.
#[track_caller]
fn told(name: &str, server: &str, (from, to): (&str, &str), steps: &[&str], words: &str) {
    if !has_node() {
        return;
    }
    let text = fs::read_to_string(file("tests/servers").join(server)).expect("a server");
    assert!(text.contains(from), "{text}");
    let helper = file("typescript/workbench.js").display().to_string();
    let text = text
        .replace("../../typescript/workbench.js", &helper)
        .replacen(from, to, 1);
    let (server, story) = (script(name, &text), folder().join(format!("{name}.story")));
    fs::write(&story, steps.join("\n")).expect("the target folder can be written");
    let story = story.display().to_string();
    let run = workbench(&["relay", "--story", &story, "--", "node", &server]);
    let printed = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(printed.contains(words), "{}", run.stdout);
}

const ANN_SUBSCRIBES: &str = "{\"do\":{\"user_subscribe\":[\"Ann\",\"APPL\"]}}";
const ANN_UNSUBSCRIBES: &str = "{\"do\":{\"user_unsubscribe\":[\"Ann\",\"APPL\"]}}";
const CONNECTION_LOST: &str = "{\"do\":\"disconnect\"}";
const SAME: (&str, &str) = ("serve(", "serve(");

/// A relay that sends nothing on a new connection.
const NOT_AGAIN: (&str, &str) = (
    "return [...this.users.keys()].map((stock) => ({ type: \"channel_subscribe\", stock }));",
    "return [];",
);

#[test]
fn a_price_that_does_not_come_is_explained_by_the_last_command_for_its_stock() {
    let relay = "relay-first-and-last.mjs";
    let never = "never got price 1: your server never asked the broker for APPL.";
    told("never", "silent.mjs", SAME, &[ANN_SUBSCRIBES], never);
    let ended = "your server asked for APPL in step 1, on a connection that has ended.";
    let steps = [ANN_SUBSCRIBES, CONNECTION_LOST];
    told("ended", relay, NOT_AGAIN, &steps, ended);
    let lost = "your server asked for APPL in step 2, and the command did not reach the broker.";
    let steps = [CONNECTION_LOST, ANN_SUBSCRIBES];
    told("lost", relay, NOT_AGAIN, &steps, lost);
    let wait = "{\"slow\":[\"broker\",\"server\"]}";
    let steps = [ANN_SUBSCRIBES, wait, ANN_UNSUBSCRIBES, ANN_SUBSCRIBES];
    let left = "your server unsubscribed APPL in step 3.";
    told("left", "relay-confirmed.mjs", SAME, &steps, left);
}

#[test]
fn a_price_that_no_user_wants_is_explained_by_the_command_that_asked_for_it() {
    let relay = "relay-first-and-last.mjs";
    let steps = [ANN_SUBSCRIBES, ANN_UNSUBSCRIBES];
    let forgotten = "your server asked for it in step 1, and sent no unsubscribe after that.";
    let never = (
        "return [{ type: \"channel_unsubscribe\", stock }];",
        "return [];",
    );
    told("forgotten", relay, never, &steps, forgotten);
    let again = (
        "case \"price\": {",
        "case \"channel_unsubscribed\":
        return [{ type: \"channel_subscribe\", stock: event.stock }];
      case \"price\": {",
    );
    let unwanted = "your server asked for it in step 2, when no user wanted it.";
    told("unwanted", relay, again, &steps, unwanted);
}

#[test]
fn a_story_shows_what_the_server_receives_of_a_lost_and_of_a_new_connection() {
    let steps = [CONNECTION_LOST, "{\"do\":\"connect\"}"];
    let both = "1. The connection to the broker is lost: broker → server disconnected. \
                2. There is a new connection to the broker: broker → server connected.";
    told("both", "relay.mjs", SAME, &steps, both);
    // The first message of a link that is fast again is not in the words of its step.
    let (slow, fast) = (
        "{\"slow\":[\"broker\",\"server\"]}",
        "{\"fast\":[\"broker\",\"server\"]}",
    );
    let again = "3. Messages from the broker to the server arrive again: broker → server channel_subscribed APPL.";
    told(
        "fast",
        "relay.mjs",
        SAME,
        &[slow, ANN_SUBSCRIBES, fast],
        again,
    );
}

#[test]
fn what_is_printed_to_standard_output_is_not_an_answer() {
    if has_node() {
        let path = plain("printed", "event.type ? 'hello' : '[]'");
        says(
            &path,
            "it printed \"hello\" to standard output. Only its answers belong there",
        );
    }
}

#[test]
fn the_helper_keeps_console_log_out_of_the_protocol() {
    if has_node() {
        let body = "on(_now, event) { console.log('hello'); return []; }";
        let path = on("console", "", body);
        says(
            &path,
            "The rule: in the end every user has the newest price",
        );
    }
}

#[test]
fn an_answer_that_is_not_json_is_printed_with_the_reason() {
    if has_node() {
        let path = plain("bad-json", "event.type ? '[{' : '[]'");
        says(
            &path,
            "its answer [{ is not a list of actions: EOF while parsing",
        );
        let path = plain("one-thing", "event.type ? '{\"type\":\"send\"}' : '[]'");
        says(
            &path,
            "an answer is a list of actions, and this is a single thing: {\"type\":\"send\"}",
        );
    }
}

#[test]
fn an_action_of_an_unknown_type_or_without_a_field_is_told_with_what_is_possible() {
    if has_node() {
        let path = on(
            "typo",
            "",
            "on() { return [{ type: 'chanel_subscribe', stock: 'APPL' }]; }",
        );
        says(
            &path,
            "unknown variant `chanel_subscribe`, expected one of `channel_subscribe`,",
        );
        let path = on(
            "field",
            "",
            "on() { return [{ type: 'channel_subscribe' }]; }",
        );
        says(&path, "missing field `stock`");
        let path = on(
            "stock",
            "",
            "on() { return [{ type: 'channel_subscribe', stock: 'AAPL' }]; }",
        );
        says(&path, "there is no stock \"AAPL\"");
    }
}

#[test]
fn an_async_server_is_told_that_it_may_not_wait() {
    if has_node() {
        let path = on("async", "", "async on() { return []; }");
        says(
            &path,
            "on() returned [object Promise]: it has to return a list of actions, and may not wait",
        );
    }
}

/// A right relay, but for where its users are.
const OUTSIDE: &str = "on(_now, event) {
    const { type, user, stock, number } = event;
    if (type === 'connected') return [...users.keys()].map((stock) => ({ type: 'channel_subscribe', stock }));
    if (type === 'price') return [...(users.get(stock) ?? [])].map((user) => ({ type: 'send', user, stock, number }));
    if (type !== 'user_subscribe') return [];
    if (!users.has(stock)) users.set(stock, new Set());
    users.get(stock).add(user);
    return [{ type: 'channel_subscribe', stock }];
  }";

#[test]
fn a_variable_outside_of_the_server_is_found_by_telling_its_story_to_a_new_process() {
    if has_node() {
        let path = on("outside", "const users = new Map();", OUTSIDE);
        says(
            &path,
            "a story of 1 step fails, and ends in another way when it is told again to a new process",
        );
        // Both endings: the same steps, and the rule that is broken only once.
        let printed = check(&path).stdout;
        let (same, new) = printed
            .split_once("Told to a new process:")
            .expect("two endings");
        assert!(
            same.contains("Told again to the same process:\n\n  1. "),
            "{printed}"
        );
        assert!(new.trim_start().starts_with("1. "), "{printed}");
        says(
            &path,
            "Where does the state live? Read lessons/05-module-store.md.",
        );
    }
}

#[test]
fn a_server_that_draws_random_numbers_is_told_so() {
    if has_node() {
        let body = "on(_now, { type, stock }) { return type === 'user_subscribe' && Math.random() < 0.7 \
                    ? [{ type: 'channel_subscribe', stock }] : []; }";
        let path = on("random", "", body);
        let run = check(&path);
        assert_eq!(run.code, Some(1), "{run:?}");
        // By chance a story may fail twice in the same way; then a rule is named.
        let told = run.stdout.contains("no random numbers") || run.stdout.contains("The rule:");
        assert!(told, "{run:?}");
    }
}

#[test]
fn a_command_that_does_not_exist_checks_nothing() {
    let run = workbench(&["relay", "--", "no-such-program"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("`no-such-program` cannot be started"),
        "{run:?}"
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn a_search_without_a_story_checks_nothing_in_each_challenge() {
    if !has_node() {
        return;
    }
    let server = on("silent-3", "", "on: () => []");
    for challenge in ["moves", "cache", "rooms", "instance", "relay", "slow"] {
        let none = ["--depth", "0", "--stories", "0"];
        let run = workbench(&[&[challenge], &none[..], &["--", "node", &server]].concat());
        assert_eq!(run.code, Some(2), "{run:?}");
        assert_eq!(run.stdout, "");
        let told =
            format!("{challenge}: nothing was checked: give --depth or --stories at least 1");
        assert!(run.stderr.contains(&told), "{run:?}");
    }
    // The last seed is the end of its range.
    let last = u64::MAX.to_string();
    let none = [
        "relay", "--depth", "0", "--seed", &last, "--", "node", &server,
    ];
    assert_eq!(workbench(&none).code, Some(2));
}

#[test]
fn the_last_line_names_the_levels_that_were_checked() {
    if !has_node() {
        return;
    }
    let server = file("tests/servers/relay.mjs").display().to_string();
    let last = |challenge: &str, server: &str, level: &str| {
        let few = ["--level", level, "--depth", "1", "--stories", "5"];
        let run = workbench(&[&[challenge], &few[..], &["--", "node", server]].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(
        last("relay", &server, "1"),
        "relay: every rule holds at level 1; levels 2 and 3 were not checked."
    );
    assert_eq!(
        last("relay", &server, "2"),
        "relay: every rule holds at levels 1 and 2; level 3 was not checked."
    );
    assert_eq!(last("relay", &server, "3"), "relay: every rule holds.");
    // This challenge has no third level.
    let slow = file("tests/servers/slow.mjs").display().to_string();
    assert_eq!(last("slow", &slow, "2"), "slow: every rule holds.");
}

#[test]
fn typescript_runs_or_the_user_is_told_what_to_do() {
    if has_node() {
        let start = file("typescript/relay.ts").display().to_string();
        let run = workbench(&["relay", "--", "node", &start]);
        if run.code == Some(2) {
            assert!(run.stderr.contains("Node 22.18 and later do"), "{run:?}");
            assert!(
                run.stderr.contains("tsc -p crates/workbench/typescript"),
                "{run:?}"
            );
        } else {
            assert_eq!(run.code, Some(1), "{run:?}");
        }
    }
}

#[test]
fn a_story_with_a_typing_error_is_refused_with_its_line() {
    if has_node() {
        let path = folder().join("typo.story");
        let text = "# two steps\n{\"do\":{\"user_subscribe\":[\"Ann\",\"APPL\"]}}\n{\"crsh\":\"server\"}\n";
        fs::write(&path, text).expect("the target folder can be written");
        let (path, server) = (path.display().to_string(), on("silent", "", "on: () => []"));
        let run = workbench(&["relay", "--story", &path, "--", "node", &server]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(
            run.stderr
                .contains("typo.story: line 3 is not a step of relay: unknown variant `crsh`"),
            "{run:?}"
        );
    }
}

#[test]
fn a_step_of_a_file_that_cannot_happen_is_named() {
    if has_node() {
        let path = folder().join("impossible.story");
        fs::write(&path, "{\"do\":\"connect\"}\n").expect("the target folder can be written");
        let (path, server) = (
            path.display().to_string(),
            on("silent-2", "", "on: () => []"),
        );
        let run = workbench(&["relay", "--story", &path, "--", "node", &server]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            run.stdout
                .contains("{\"do\":\"connect\"} could not happen, and was passed over."),
            "{run:?}"
        );
    }
}

#[test]
fn the_help_names_each_challenge_with_its_lesson_and_the_exit_codes() {
    let run = workbench(&["--help"]);
    assert_eq!(run.code, Some(0));
    for words in [
        "moves:",
        "cache:",
        "rooms:",
        "instance:",
        "relay:",
        "slow:",
        "lesson 13a",
        "0: every rule holds",
        "--level",
        "after `--`",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    assert_eq!(workbench(&["chess", "--", "node"]).code, Some(2));
}

/// A server of the challenge `moves` that holds at level 1, which the search never leaves.
#[cfg(unix)]
const RIGHT: &str = "on(_now, { type, request, number, play }) {
    if (type === 'move') return [{ type: 'append_if', request, number, play }];
    return [{ type: 'reply', request, played: type === 'appended' }];
  }";

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_long_search_with_a_sentence_and_no_server_stays() {
    if !has_node() {
        return;
    }
    let started = folder().join("started");
    let _ = fs::remove_file(&started);
    let outside = format!(
        "import {{ writeFileSync }} from 'node:fs';\nwriteFileSync({started:?}, String(process.pid));"
    );
    let path = on("long", &outside, RIGHT);
    let endless = ["--depth", "0", "--stories", "100000000"];
    let child = Command::new(env!("CARGO_BIN_EXE_workbench"))
        .arg("moves")
        .args(endless)
        .args(["--", "node", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    let deadline = Instant::now() + Duration::from_secs(60);
    let server = loop {
        match fs::read_to_string(&started) {
            Ok(pid) if !pid.is_empty() => break pid,
            _ => assert!(Instant::now() < deadline, "the server does not start"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("stopped before all stories were told"),
        "{stderr}"
    );
    let alive = Command::new("kill")
        .args(["-0", &server])
        .stderr(Stdio::null())
        .status();
    assert!(
        !alive.is_ok_and(|status| status.success()),
        "server {server} is still there"
    );
}
