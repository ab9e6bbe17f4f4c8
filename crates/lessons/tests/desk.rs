//! In a real browser: the instructor's desk, the reader's ticks, and a question that is answered.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use harness::{Driver, Window};
use lessons::page::{pages, workspace};
use serde_json::json;
use support::served;

/// A window whose inside is a projector's, 1280 by 720.
async fn projector(window: &Window) {
    let outer = |inner: &str| format!("window.outer{inner} - window.inner{inner}");
    let more = async |inner: &str| window.js(&outer(inner)).await.as_u64().unwrap() as u32;
    let (width, height) = (more("Width").await, more("Height").await);
    let size = window.browser.set_window_size(1280 + width, 720 + height);
    size.await.unwrap();
    window
        .until("innerWidth === 1280 && innerHeight === 720")
        .await;
}

async fn loaded(window: &Window, address: &str) {
    window.browser.goto(address).await.unwrap();
    window.until("document.readyState === 'complete'").await;
}

const PRESENTING: &str = "document.documentElement.classList.contains('cut')";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_of_the_core_pages_fits_a_projector_and_can_be_read() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver.open(1280, &book).await;
    projector(&page).await;
    for lesson in pages(&workspace()).unwrap() {
        if !lesson.is_core {
            continue;
        }
        let file = lesson.file.replace(".md", ".html");
        loaded(&page, &format!("{book}/{file}")).await;
        if page.js(PRESENTING).await != json!(true) {
            page.press("p").await;
        }
        page.until(PRESENTING).await;
        let screens = page.js("document.querySelectorAll('.screen').length").await;
        let screens = screens.as_u64().unwrap();
        assert!(screens > 2, "{file} has {screens} screens");
        for number in 1..=screens {
            let bad = page
                .js("(() => { const screen = document.querySelector('.screen.shown'); \
                     const [{ right, bottom }] = screen.getClientRects(); \
                     const zooms = [...screen.children].map(one => Number(one.style.zoom || 1)); \
                     const wide = document.documentElement.scrollWidth; \
                     const cut = [...screen.querySelectorAll('pre code')].some(one => one.scrollWidth > one.parentElement.clientWidth); \
                     return cut || bottom > 720 || wide > 1280 || right > 1280 || Math.min(...zooms) < 0.6 \
                       ? [screen.innerText.slice(0, 80), right, wide, bottom, ...zooms] : null })()")
                .await;
            assert_eq!(bad, json!(null), "{file}, screen {number}");
            if number < screens {
                page.press("\u{e014}").await;
            }
        }
        page.complains_of_nothing();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_notes_follow_the_pages_in_a_window_of_their_own() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver
        .open(1280, &format!("{book}/08-exported-game.html"))
        .await;
    let first = page.browser.window().await.unwrap();
    page.press("n").await;
    let windows = page.browser.windows().await.unwrap();
    let notes = windows.into_iter().find(|window| *window != first).unwrap();
    let says = |what: &str| format!("document.querySelector('main').innerText.includes({what:?})");
    page.browser.switch_to_window(notes.clone()).await.unwrap();
    page.until(&says("8. Slightly better")).await;
    page.until(&says("nothing_stops_anybody")).await;

    page.browser.switch_to_window(first).await.unwrap();
    loaded(&page, &format!("{book}/10-singleton-game.html")).await;
    page.press("p").await;
    page.until(PRESENTING).await;
    let shown = "document.body.innerText.includes('For the instructor')";
    assert_eq!(
        page.js(shown).await,
        json!(false),
        "the class sees the notes"
    );
    page.press("\u{e014}").await;
    page.browser.switch_to_window(notes).await.unwrap();
    page.until(&says("10. The singleton")).await;
    page.until(&says("screen 2 of")).await;
    assert_eq!(page.browser.windows().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_was_read_is_ticked_until_all_is_forgotten() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver
        .open(1280, &format!("{book}/09-static-count.html"))
        .await;
    page.until("!!document.querySelector('.reader input')")
        .await;
    page.js("document.querySelector('.reader input').click()")
        .await;
    loaded(&page, &format!("{book}/10-singleton-game.html")).await;
    page.until("document.querySelectorAll('.tick').length === 1 && document.querySelector('.tick').parentElement.href.endsWith('09-static-count.html')")
        .await;
    page.js("document.querySelector('.reader button').click()")
        .await;
    page.until("document.querySelectorAll('.tick').length === 0")
        .await;
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_option_says_at_once_whether_it_is_right_and_why() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = served().await;
    let page = driver
        .open(1280, &format!("{book}/10-singleton-game.html"))
        .await;
    page.until("!!document.querySelector('.question [role=status]')")
        .await;
    let choose = async |option: &str| {
        let labels = "[...document.querySelectorAll('.question label')]";
        page.js(&format!(
            "{labels}.find(label => label.innerText.includes({option:?})).click()"
        ))
        .await;
        page.js("document.querySelector('.question [role=status]').innerText")
            .await
    };
    let wrong = choose("two managers").await;
    assert!(wrong.as_str().unwrap().starts_with("No: "), "{wrong}");
    let right = choose("E0308").await;
    assert!(right.as_str().unwrap().starts_with("Right: "), "{right}");
    page.complains_of_nothing();
}
