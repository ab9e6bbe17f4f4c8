//! The book in a real browser: a figure is stepped by keyboard, arrow keys turn no page, and nothing is
//! complained of.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::Driver;
use harness::fantoccini::key::Key;
use lessons::page::{pages, workspace};
use serde_json::json;
use support::served;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_is_stepped_by_keyboard_and_arrows_elsewhere_turn_no_page() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver
        .open(1280, &format!("{book}/12a-pubsub-manager.html"))
        .await;
    let says = "document.querySelector('.told p').textContent";
    page.until(&format!("{says}.includes('1 of 16')")).await;
    page.js("document.querySelector('figure.steps').focus()")
        .await;
    page.press(&Key::Right.to_string()).await;
    page.until(&format!(
        "{says}.includes('2 of 16') && {says}.includes('Ann')"
    ))
    .await;
    page.press(&Key::Left.to_string()).await;
    page.until(&format!("{says}.includes('1 of 16')")).await;

    page.js("(document.activeElement.blur(), true)").await;
    page.press(&Key::Right.to_string()).await;
    page.press(&Key::Left.to_string()).await;
    page.until("location.pathname === '/12a-pubsub-manager.html'")
        .await;
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_a_phone_and_complains_of_nothing_in_the_dark() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.open(500, &book).await;
    page.prefer("dark");
    for lesson in pages(&workspace()).unwrap() {
        let file = lesson.file.replace(".md", ".html");
        page.browser.goto(&format!("{book}/{file}")).await.unwrap();
        page.until("document.readyState === 'complete'").await;
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(
            page.js(fits).await,
            json!(true),
            "{file} is wider than its window"
        );
        page.complains_of_nothing();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typescript_stands_beside_the_rust_and_above_it_on_a_phone() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let columns = "[...document.querySelectorAll('.beside > div')].map(column => column.getBoundingClientRect())";
    let is_cut = "[...document.querySelectorAll('.beside code')].some(code => code.scrollWidth > code.clientWidth + 1)";
    for (page, width, beside) in [
        ("05-module-store", 1280, true),
        ("07-bad-game", 1280, true),
        ("08-exported-game", 1280, true),
        ("10-singleton-game", 1280, true),
        ("10-singleton-game", 500, false),
    ] {
        let url = format!("{book}/{page}.html");
        let page = driver.open(width, &url).await;
        page.until("document.readyState === 'complete'").await;
        let lies_beside = format!(
            "(([one, other]) => one.top === other.top && one.right < other.left)({columns})"
        );
        let lies_below = format!(
            "(([one, other]) => one.bottom <= other.top && one.left === other.left)({columns})"
        );
        for (is_so, expected) in [(&lies_beside, beside), (&lies_below, !beside)] {
            assert_eq!(page.js(is_so).await, json!(expected), "{url} at {width}");
        }
        if beside {
            let cut = page.js(is_cut).await;
            assert_eq!(cut, json!(false), "{url}: a line of code is cut");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_column_cuts_a_line_and_what_is_wider_than_a_phone_shows_that_there_is_more() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.open(1280, &book).await;
    let is_cut = "[...document.querySelectorAll('.beside code')].filter(code => code.scrollWidth > code.clientWidth + 1).map(code => code.textContent)";
    let boxes = "[...document.querySelectorAll('main pre code, main .table-wrapper')]";
    let without_cue = format!(
        "{boxes}.filter(one => one.scrollWidth > one.clientWidth + 1 && !one.matches('.more')).map(one => one.textContent)"
    );
    let mut wide = 0;
    for lesson in pages(&workspace()).unwrap() {
        let file = lesson.file.replace(".md", ".html");
        page.resize(1280);
        page.browser.goto(&format!("{book}/{file}")).await.unwrap();
        page.until("document.readyState === 'complete'").await;
        assert_eq!(page.js(is_cut).await, json!([]), "{file}");
        page.resize(390);
        page.until("innerWidth === 390").await;
        page.until(&format!("{without_cue}.length === 0")).await;
        // Scrolled to its end, a box has no more to show.
        // Found and scrolled in one step: a box that the resize has made fit may lose its cue in between.
        let scrolled = "(window.box = document.querySelector('.more'), \
             box && (box.scrollLeft = box.scrollWidth), !!box)";
        if page.js(scrolled).await == json!(true) {
            wide += 1;
            page.until("!window.box.matches('.more')").await;
        }
    }
    assert!(wide > 10, "{wide} pages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lesson_can_be_ticked_and_no_file_that_a_page_names() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.open(1280, &book).await;
    let ticks = "document.querySelectorAll('.reader input').length";
    for lesson in pages(&workspace()).unwrap() {
        let file = lesson.file.replace(".md", ".html");
        page.browser.goto(&format!("{book}/{file}")).await.unwrap();
        page.until("document.readyState === 'complete'").await;
        assert_eq!(page.js(ticks).await, json!(1), "{file}");
    }
    let file = "files/crates/singleton-game/src/game_manager.rs.html";
    page.browser.goto(&format!("{book}/{file}")).await.unwrap();
    page.until("document.readyState === 'complete'").await;
    assert_eq!(page.js(ticks).await, json!(0));
}
