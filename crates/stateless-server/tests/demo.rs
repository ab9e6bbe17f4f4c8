//! The demonstration is shown to a class, so it must come out the same every time.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use harness::signal;
use support::on_both_databases;
use support::server::PROGRAM;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const ALL_FOUND: &str = "every server finds them all, each once: nothing is lost";

/// A demonstration that runs.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    /// What it says of its troubles, once it has ended.
    troubles: JoinHandle<String>,
}

impl Running {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("demo")
            .args(flags)
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let troubles = tokio::spawn(async move {
            let mut said = String::new();
            stderr.read_to_string(&mut said).await.unwrap();
            said
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            troubles,
        }
    }

    /// Reads on to a line that contains `text`.
    async fn reads(&mut self, text: &str) -> String {
        loop {
            let line = timeout(Duration::from_secs(60), self.lines.next_line())
                .await
                .unwrap();
            let Some(line) = line.unwrap() else {
                panic!("no line says {text:?}:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads to the end; gives the verdict and the exit code.
    async fn ends(mut self) -> (String, Option<i32>) {
        let verdict = self.reads("verdict: ").await;
        assert_eq!(
            self.lines.next_line().await.unwrap(),
            None,
            "the verdict is the last line"
        );
        (verdict, self.child.wait().await.unwrap().code())
    }
}

/// `server 2 starts: http://127.0.0.1:4000, process 123`.
fn process_in(line: &str) -> u32 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

on_both_databases! {
    async fn three_servers_lose_nothing_when_one_is_killed_and_one_is_added(database) {
        let mut demo = Running::start(&["--pace", "0", "--games", "10", "--database", &database.flag()]);
        for line in ["server 3 starts", "server 2 is killed", "server 4 starts"] {
            demo.reads(line).await;
        }
        demo.reads("whole games").await;
        let sent = demo.reads("sent").await;
        for number in [1, 3, 4] {
            let found = demo.reads(&format!("server {number} finds")).await;
            let numbers = |line: &str| -> Vec<u32> {
                line.split_whitespace().rev().take(3).map(|n| n.parse().unwrap()).collect()
            };
            assert_eq!(numbers(&found), numbers(&sent));
        }
        let (verdict, code) = demo.ends().await;
        assert_eq!(verdict, format!("verdict: 10 games and 520 moves sent, {ALL_FOUND}"));
        assert_eq!(code, Some(0));
    }

    async fn killing_one_more_server_by_hand_changes_nothing_but_the_table(database) {
        let mut demo = Running::start(&["--pace", "1ms", "--games", "10", "--database", &database.flag()]);
        let first = process_in(&demo.reads("server 1 starts").await);
        demo.reads("server 2 is killed").await;
        signal(first, "KILL");
        demo.reads("ended by another hand").await;
        let (verdict, code) = demo.ends().await;
        assert_eq!(verdict, format!("verdict: 10 games and 520 moves sent, {ALL_FOUND}"));
        assert_eq!(code, Some(0));
    }
}

#[tokio::test]
async fn with_the_games_in_memory_the_same_story_ends_without_one_whole_game() {
    let demo = Running::start(&["--pace", "0", "--in-memory"]);
    let (verdict, code) = demo.ends().await;
    assert!(
        verdict.contains("games whole: the rest is scattered or lost"),
        "{verdict}"
    );
    assert!(verdict.contains("finds 0 of the games whole"), "{verdict}");
    assert_eq!(code, Some(0), "to show a mistake is not to make one");
}

#[tokio::test]
async fn two_runs_end_with_the_same_verdict_and_another_seed_changes_only_the_lots() {
    for place in [&[][..], &["--in-memory"]] {
        let mut verdicts = Vec::new();
        for seed in ["1851", "1851", "7"] {
            let flags = [&["--pace", "0", "--games", "10", "--seed", seed], place].concat();
            verdicts.push(Running::start(&flags).ends().await.0);
        }
        assert_eq!(verdicts[0], verdicts[1]);
        assert_eq!(verdicts[0], verdicts[2]);
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_demonstration_with_a_verdict_about_what_was_sent() {
    let mut demo = Running::start(&["--pace", "100ms"]);
    demo.reads("requests").await;
    signal(demo.child.id().unwrap(), "INT");
    let (verdict, code) = demo.ends().await;
    assert!(verdict.ends_with(ALL_FOUND), "{verdict}");
    assert!(!verdict.contains("1040 moves"), "{verdict}");
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn one_game_is_written_in_the_singular() {
    let (verdict, _) = Running::start(&["--pace", "0", "--games", "1"])
        .ends()
        .await;
    assert!(verdict.starts_with("verdict: 1 game and "), "{verdict}");
}

#[tokio::test]
async fn a_server_that_somebody_else_ends_by_a_plain_kill_ends_and_nothing_is_lost() {
    let mut demo = Running::start(&["--pace", "20ms"]);
    // The demonstration itself kills the second.
    let process = process_in(&demo.reads("server 1 starts").await);
    demo.reads("requests").await;
    signal(process, "TERM");
    demo.reads("ended by another hand").await;
    let (verdict, code) = demo.ends().await;
    assert!(verdict.ends_with(ALL_FOUND), "{verdict}");
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn when_every_server_is_killed_the_demonstration_says_so_and_fails() {
    let mut demo = Running::start(&["--pace", "20ms"]);
    let mut processes = Vec::new();
    for number in 1..=3 {
        processes.push(process_in(
            &demo.reads(&format!("server {number} starts")).await,
        ));
    }
    demo.reads("requests").await;
    for process in processes {
        signal(process, "KILL");
    }
    assert_eq!(demo.child.wait().await.unwrap().code(), Some(1));
    let said = demo.troubles.await.unwrap();
    assert!(said.contains("no server answers any more"), "{said}");
}

#[tokio::test]
async fn no_server_outlives_a_demonstration_that_is_killed() {
    let mut demo = Running::start(&["--pace", "100ms"]);
    let line = demo.reads("server 3 starts").await;
    let url = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://"))
        .unwrap();
    let address = url.trim_end_matches(',').to_owned();
    demo.child.kill().await.unwrap();
    harness::eventually("the server has ended", async || {
        tokio::net::TcpStream::connect(&address).await.is_err()
    })
    .await;
}
