//! In a real browser: a page that is changed while it is open, many open pages, a page of another site, and
//! a browser that refuses to store anything.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use harness::Driver;
use serde_json::json;
use support::{served, served_from};
use tokio::net::TcpListener;

const QUIZ: &str = r#"
[[questions]]
type = "MultipleChoice"
prompt.prompt = "Why?"
prompt.distractors = ["one", "two"]
answer.answer = "three"
why = ["one is no reason", "two is no reason"]
context = "three is the reason"
"#;

fn write(workspace: &Path, page: &str, changed: &str) {
    let paragraphs = |from| -> String {
        let lines = (from..from + 30).map(|number| format!("Paragraph {number}.\n\n"));
        lines.collect()
    };
    let first = changed.split('\n').next().unwrap_or_default();
    let text = format!(
        "# 1. One\n\n5 minutes · core\n\n{}{changed}\n\n{}\
         1. Try {first}.\n\n   <details><summary>Answer</summary>\n\n   It is so.\n\n   </details>\n\n\
         ## For the instructor\n\nNotes.\n",
        paragraphs(0),
        paragraphs(30)
    );
    fs::write(workspace.join("lessons").join(page), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_page_takes_the_change_and_keeps_what_the_reader_did_and_no_other_page_notices() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let workspace = tempfile::tempdir().unwrap();
    let workspace = workspace.path();
    fs::create_dir_all(workspace.join("lessons/quizzes")).unwrap();
    fs::write(workspace.join("lessons/quizzes/01-one.toml"), QUIZ).unwrap();
    write(workspace, "01-one.md", "before");
    write(workspace, "02-two.md", "before");
    let book = served_from(workspace).await;
    let page = driver.open(1280, &format!("{book}/01-one.html")).await;
    let other = driver.open(1280, &format!("{book}/02-two.html")).await;
    other
        .until("!!document.querySelector('main p') && (window.changes = 0, new MutationObserver(() => window.changes++).observe(document.querySelector('main'), { childList: true, subtree: true, characterData: true }), true)")
        .await;
    page.until("!!document.querySelector('.question [role=status]')")
        .await;
    page.js("(window.same = true, document.querySelector('li > details').open = true)")
        .await;
    page.js("document.querySelectorAll('.question input')[1].click()")
        .await;
    let verdict = "document.querySelector('.question [role=status]').textContent";
    page.until(&format!("{verdict} !== ''")).await;
    let said = page.js(verdict).await;
    // What the reader looks at stands below the change, which makes the page higher.
    let place =
        "[...document.querySelectorAll('main p')].find(one => one.textContent === 'Paragraph 45.')";
    page.js(&format!("{place}.scrollIntoView()")).await;
    let top = format!("Math.round({place}.getBoundingClientRect().top)");
    let before = page.js(&top).await;

    let changed = "after\n\n".repeat(20);
    write(workspace, "01-one.md", &changed);
    page.until("document.querySelector('main').textContent.includes('after')")
        .await;
    assert_eq!(
        page.js("window.same").await,
        json!(true),
        "it was loaded anew"
    );
    let opened = "document.querySelector('li > details').open";
    assert_eq!(page.js(opened).await, json!(true), "an answer was folded");
    assert_eq!(page.js(verdict).await, said);
    let (before, after) = (
        before.as_i64().unwrap(),
        page.js(&top).await.as_i64().unwrap(),
    );
    assert!((before - after).abs() <= 2, "from {before} to {after}");
    assert!(
        !page
            .js("document.querySelector('main').textContent")
            .await
            .to_string()
            .contains("before")
    );
    assert_eq!(other.js("window.changes").await, json!(0), "another page");
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_pages_are_open_in_one_browser_and_all_of_them_load() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.window(1280).await;
    for number in 0..10 {
        if number > 0 {
            let tab = page.browser.new_window(true).await.unwrap();
            page.browser.switch_to_window(tab.handle).await.unwrap();
        }
        page.browser
            .goto(&format!("{book}/09-static-count.html"))
            .await
            .unwrap();
        page.until("document.readyState === 'complete'").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_that_opens_the_notes_can_show_and_run_nothing_in_them() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap();
    let open = format!("onkeydown = () => {{ window.notes = open('{book}/notes.html', 'n'); }}");
    let html = format!("<!doctype html><title>other</title><body><script>{open}</script>");
    let router = Router::new().route("/", get(async move || Html(html)));
    tokio::spawn(async move { axum::serve(other, router).await });
    let page = driver.open(1280, &format!("http://{address}/")).await;
    let first = page.browser.window().await.unwrap();
    page.press("x").await;
    page.until("!!window.notes").await;
    let windows = page.browser.windows().await.unwrap();
    let notes = windows.into_iter().find(|one| *one != first).unwrap();
    page.browser.switch_to_window(notes.clone()).await.unwrap();
    page.until("document.readyState === 'complete' && !!document.getElementById('notes')")
        .await;
    // The page's own listener is called before this one.
    page.js("(window.heard = 0, addEventListener('message', () => window.heard++), true)")
        .await;
    page.browser.switch_to_window(first).await.unwrap();
    let image = r#"<img src="none" onerror="document.title = 'taken over'">"#;
    for notes in [
        json!(image),
        json!([["p", image]]),
        json!([["script", "document.title = 'taken over'"]]),
    ] {
        let message = json!({ "title": "taken over", "shown": "", "next": "", "notes": notes });
        page.js(&format!("(window.notes.postMessage({message}, '*'), true)"))
            .await;
    }
    page.browser.switch_to_window(notes).await.unwrap();
    page.until("window.heard === 3").await;
    let all = page.js("document.title + document.body.innerHTML").await;
    assert!(!all.to_string().contains("taken over"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_storage_is_refused_pages_are_ticked_and_presented_as_long_as_they_are_open() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.window(1280).await;
    page.run_first(
        "for (const name of ['localStorage', 'sessionStorage']) \
           Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException('refused', 'SecurityError'); } });",
    );
    page.browser
        .goto(&format!("{book}/09-static-count.html"))
        .await
        .unwrap();
    page.until("!!document.querySelector('.reader input')")
        .await;
    page.js("document.querySelector('.reader input').click()")
        .await;
    page.until("document.querySelectorAll('.tick').length === 1")
        .await;
    page.press("p").await;
    page.until("document.documentElement.classList.contains('cut')")
        .await;
    page.complains_of_nothing();
}
