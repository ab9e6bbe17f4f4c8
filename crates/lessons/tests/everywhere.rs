//! In a real browser: from a folder without a server, on paper, and for who does not see it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/axe.rs"]
mod axe;

use std::path::Path;

use harness::Driver;
use lessons::book::build;
use lessons::page::{pages, workspace};
use serde_json::json;

#[tokio::test]
async fn from_a_folder_it_needs_no_network_and_is_searched_and_stepped() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    let page = format!("file://{}/10-singleton-game.html", site.path().display());
    let page = driver.open(1280, &page).await;
    page.until(
        "!!document.querySelector('.steps .next') && !!document.querySelector('.hljs-keyword')",
    )
    .await;
    page.js("document.querySelector('.steps .next').click()")
        .await;
    page.until("document.querySelector('.told p').textContent.startsWith('2 of')")
        .await;
    page.js("document.querySelector('#mdbook-search-toggle').click()")
        .await;
    page.until("document.activeElement.id === 'mdbook-searchbar'")
        .await;
    page.press("rendezvous").await;
    page.until("[...document.querySelectorAll('#mdbook-searchresults a')].some(link => link.href.includes('04-stickiness'))")
        .await;
    let away = "performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith('file:')).map(({ name }) => name)";
    assert_eq!(page.js(away).await, json!([]), "asked of a network");
    page.complains_of_nothing();
}

#[tokio::test]
async fn on_paper_the_answers_stand_and_no_button_does() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    let page = format!("file://{}/10-singleton-game.html", site.path().display());
    let page = driver.open(1280, &page).await;
    page.ask(
        "goog/cdp/execute",
        &json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "media": "print" } }),
    );
    page.until("matchMedia('print').matches").await;
    let shown = async |selector: &str| {
        let visible = "one => one.checkVisibility({ visibilityProperty: true })";
        let all = format!("[...document.querySelectorAll({selector:?})].filter({visible}).length");
        page.js(&all).await
    };
    assert_eq!(shown(".quiz .answers li").await, json!(3));
    assert_eq!(shown("button").await, json!(0));
    // So does what comes of a change that the reader is asked to try.
    assert_eq!(shown("li > details > p").await, json!(3));
    // A figure's sentences are printed as a list.
    assert_ne!(shown(".steps ol li").await, json!(0));
}

#[tokio::test]
async fn axe_finds_nothing_serious_in_any_page_light_or_dark() {
    let Some(axe) = axe::script() else {
        return;
    };
    let Some(driver) = Driver::start() else {
        return;
    };
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    // Side by side: each window has a process of its own.
    let (light, dark) = tokio::join!(
        findings(&driver, site.path(), &axe, "light"),
        findings(&driver, site.path(), &axe, "dark"),
    );
    let findings = [light, dark].concat();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// What axe finds in the pages of a book in a folder, if the reader prefers these colours.
async fn findings(driver: &Driver, folder: &Path, axe: &str, colours: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let start = format!("file://{}/index.html", folder.display());
    let page = driver.open(1280, &start).await;
    page.prefer(colours);
    for lesson in pages(&workspace()).unwrap() {
        let file = lesson.file.replace(".md", ".html");
        let address = format!("file://{}/{file}", folder.display());
        page.browser.goto(&address).await.unwrap();
        page.until("document.readyState === 'complete'").await;
        if let Some(found) = axe::findings(&page, axe).await {
            findings.push(format!("{file}, {colours}: {found}"));
        }
    }
    findings
}
