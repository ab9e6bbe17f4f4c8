//! In a real browser: a page runs its demonstration, tries a change, checks a program, an exercise is solved by
//! typing, and so is a challenge.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/axe.rs"]
mod axe;
#[allow(dead_code, reason = "the tests without a browser use the rest")]
#[path = "support/live.rs"]
mod live;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use harness::fantoccini::key::Key;
use harness::{Driver, Window};
use lessons::live::Live;
use lessons::page::workspace;
use lessons::serve::serve;
use lessons::site::Site;
use live::{Book, processes, wait_until};
use program::supervisor::Supervisor;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// The copy of the workspace is one for all books, so the tests that change it take turns. A book is built, and its
/// page opened, before the turn: this needs no copy, and takes seconds.
static TURN: Mutex<()> = Mutex::const_new(());

/// Opens a page as a reader who came by the address in the terminal.
async fn open(driver: &Driver, book: &Book, page: &str) -> Window {
    let window = driver.open(1280, &book.url).await;
    window
        .until("location.pathname === '/' && document.readyState === 'complete'")
        .await;
    goto(&window, book, page).await;
    window
}

async fn goto(window: &Window, book: &Book, page: &str) {
    let address = format!("http://{}/{page}", book.address);
    window.browser.goto(&address).await.unwrap();
    window
        .until("!!document.querySelector('.live-button')")
        .await;
}

/// The first button whose text begins so.
fn button(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('main .live-button')].find(one => one.textContent.startsWith({text:?}))"
    )
}

/// The line beside that button.
fn said(text: &str) -> String {
    format!(
        "{}.closest('.live-bar').querySelector('[role=status]').textContent",
        button(text)
    )
}

/// The text of the box is replaced by the keyboard.
async fn type_into(window: &Window, area: &str, text: &str) {
    window.js(&format!("{area}.focus()")).await;
    window.js(&format!("{area}.select()")).await;
    window.press(text).await;
}

/// Writes what is seen around an element into `SHOTS`, to be looked at.
async fn shot(window: &Window, name: &str, around: &str) {
    if let Some(folder) = env::var_os("SHOTS") {
        window
            .js(&format!(
                "(document.querySelector({around:?}).scrollIntoView({{ block: 'start', behavior: 'instant' }}), scrollBy(0, -60), 0)"
            ))
            .await;
        let file = Path::new(&folder).join(format!("{name}.png"));
        fs::write(file, window.browser.screenshot().await.unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_keyboard_alone_a_demonstration_runs_and_stop_leaves_its_verdict_and_no_process() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = Book::start();
    let page = open(&driver, &book, "05-module-store.html").await;
    let _turn = TURN.lock().await;
    page.js(&format!("{}.focus()", button("Run"))).await;
    page.press(&Key::Enter.to_string()).await;
    page.until("document.querySelector('.live-output').textContent.includes('round  index')")
        .await;
    shot(&page, "run", "#run").await;
    page.press(&Key::Tab.to_string()).await;
    page.until("document.activeElement.textContent === 'Stop'")
        .await;
    page.press(&Key::Enter.to_string()).await;
    page.until(&format!(
        "{}.includes('It was stopped. verdict: ')",
        said("Run")
    ))
    .await;
    page.until("document.activeElement.textContent === 'Run'")
        .await;
    assert!(processes("debug/module-store").is_empty());

    page.press(&Key::Enter.to_string()).await;
    page.until("document.querySelector('.live-output').textContent.includes('round  index')")
        .await;
    page.browser
        .goto(&format!("http://{}/06-reducer.html", book.address))
        .await
        .unwrap();
    wait_until("the page is left and the program ends", || {
        processes("debug/module-store").is_empty()
    });
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_tried_as_it_is_on_the_page_and_as_the_reader_edits_it() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = Book::start();
    let page = open(&driver, &book, "07-bad-game.html").await;
    let _turn = TURN.lock().await;
    page.js(&format!("{}.click()", button("Try"))).await;
    page.until(&format!(
        "{} === 'This is what the page expects.'",
        said("Try")
    ))
    .await;
    shot(&page, "try", "li .live-bar").await;
    page.js(&format!("{}.click()", button("Edit"))).await;
    let area = "document.querySelector('li .live-box')";
    page.until(&format!("document.activeElement === {area}"))
        .await;
    page.js(&format!("({area}.value = '-no such line', 0)"))
        .await;
    let run = Key::Control + &Key::Enter;
    page.press(&run).await;
    page.until(&format!(
        "{}.includes('does not contain these lines')",
        said("Try")
    ))
    .await;
    page.until(
        "document.querySelector('.reader .progress').textContent.includes('1 change tried')",
    )
    .await;
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_10_from_a_refused_program_to_a_solved_exercise_with_only_the_browser() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = Book::start();
    let page = open(&driver, &book, "10-singleton-game.html").await;
    let _turn = TURN.lock().await;
    let select = "document.querySelector('.live-cases')";
    page.js(&format!("({select}.value = 'singleton-game/constructor', {select}.dispatchEvent(new Event('change')))")).await;
    page.js("document.querySelector('.check .live-button').click()")
        .await;
    let said_of_check = "document.querySelector('.check [role=status]').textContent";
    page.until(&format!(
        "{said_of_check} === 'Refused for the declared reason: E0624.'"
    ))
    .await;
    shot(&page, "check", ".check").await;
    let reference = "use singleton_game::GameManager;\n\nfn main() {\nlet second = GameManager::instance();\nprintln!(\"{}\", second.games().len());\n}\n";
    type_into(
        &page,
        "document.querySelector('.check .live-box')",
        reference,
    )
    .await;
    page.press(&(Key::Control + &Key::Enter)).await;
    page.until(&format!("{said_of_check}.startsWith('It compiles. ')"))
        .await;
    page.js(&format!("{}.click()", button("Run it"))).await;
    page.until(&format!(
        "{}.startsWith('The constructor made one manager.')",
        said("Run it")
    ))
    .await;
    shot(&page, "count", ".check").await;

    let exercise = "document.querySelector('[data-exercise=private_new]')";
    let area = format!("{exercise}.querySelector('.live-box')");
    let line = format!("{exercise}.querySelector('[role=status]').textContent");
    let check = format!("{exercise}.querySelector('.live-button').click()");
    page.js(&format!("{exercise}.scrollIntoView()")).await;
    page.js(&check).await;
    page.until(&format!(
        "{line}.startsWith('Not yet, this fails: nobody_outside_can_call_new.')"
    ))
    .await;
    shot(&page, "exercise", "[data-exercise=private_new]").await;
    // What is typed is there after the page is loaded again.
    let code = page.js(&format!("{area}.value")).await;
    let solved = code
        .as_str()
        .unwrap()
        .replace("pub const fn new()", "const fn new()");
    type_into(&page, &area, &solved).await;
    goto(&page, &book, "09-static-count.html").await;
    goto(&page, &book, "10-singleton-game.html").await;
    page.until(&format!("!!{area}")).await;
    assert_eq!(page.js(&format!("{area}.value")).await, json!(solved));
    page.js(&check).await;
    page.until(&format!("{line} === 'Solved: its 4 tests pass.'"))
        .await;
    page.until(&format!(
        "{exercise}.querySelector('.live-done').textContent === '✓ solved'"
    ))
    .await;
    let solution = format!(
        "[...{exercise}.querySelectorAll('.live-button')].find(one => one.textContent === 'Show a solution')"
    );
    page.js(&format!("{solution}.click()")).await;
    page.until(&format!("[...{exercise}.querySelectorAll('.live-output')].at(-1).textContent.includes('fn instance()')")).await;
    shot(&page, "solved", "[data-exercise=private_new]").await;
    page.until(
        "document.querySelector('.reader .progress').textContent.endsWith('1 exercise solved')",
    )
    .await;
    let file = page
        .js("JSON.parse(progress.file()).exercises.private_new")
        .await;
    assert_eq!((&file["solved"], &file["tries"]), (&json!(true), &json!(2)));
    page.js("[...document.querySelectorAll('.reader button')].at(-1).click()")
        .await;
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_played_to_the_broken_rule_of_its_first_server_and_held_by_a_right_one() {
    let Some(driver) = Driver::start() else {
        return;
    };
    if !live::checks_challenges() {
        return;
    }
    let book = Book::start();
    let page = open(&driver, &book, "w5-relay.html").await;
    let _turn = TURN.lock().await;
    let place = "document.querySelector('[data-challenge=relay]')";
    let said = format!("{place}.querySelector('[role=status]').textContent");
    page.js(&format!("{place}.querySelector('.live-button').focus()"))
        .await;
    page.press(&Key::Enter.to_string()).await;
    page.until(&format!(
        "{said} === 'Not yet. Level 1, no faults: a rule is broken.'"
    ))
    .await;
    let story = format!("{place}.querySelector('.live-story .steps')");
    page.until(&format!(
        "{story}?.querySelector('.count')?.textContent === '1 of 3'"
    ))
    .await;
    for _ in 0..2 {
        page.js(&format!("{story}.querySelector('.next').click()"))
            .await;
    }
    let sentence = format!("{story}.querySelector('.told p').textContent");
    page.until(&format!("{sentence}.startsWith('3 of 3: In the end the server is subscribed at the broker to exactly the stocks that users want: the broker still sends APPL')"))
        .await;
    shot(&page, "challenge-editor", "[data-challenge=relay]").await;
    shot(&page, "challenge-story", "[data-challenge=relay] .live-bar").await;
    page.resize(390);
    page.js("document.getElementById('mdbook-sidebar-toggle-anchor').click()")
        .await;
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    page.until(fits).await;
    shot(&page, "challenge-390", "[data-challenge=relay] .live-bar").await;
    page.resize(1280);

    let area = format!("{place}.querySelector('.live-box')");
    let right = live::right_relay();
    type_into(&page, &area, &right).await;
    page.press(&(Key::Control + &Key::Enter)).await;
    // A right server is told all stories, which takes a busy machine longer than a page is waited for.
    let deadline = Instant::now() + Duration::from_secs(240);
    let held = json!("Held: every rule holds at every level.");
    while page.js(&said).await != held {
        assert!(Instant::now() < deadline, "{}", page.js(&said).await);
        sleep(Duration::from_millis(50)).await;
    }
    page.until(&format!("!{place}.querySelector('.live-story .steps')"))
        .await;
    shot(&page, "challenge-held", "[data-challenge=relay] .live-bar").await;
    page.until(
        "document.querySelector('.reader .progress').textContent.endsWith(', 1 challenge held')",
    )
    .await;
    // What was typed, and that it held, is there after the page is loaded again.
    goto(&page, &book, "w1-moves.html").await;
    goto(&page, &book, "w5-relay.html").await;
    page.until(&format!("!!{area}")).await;
    assert_eq!(page.js(&format!("{area}.value")).await, json!(right));
    let held = format!("{place}.querySelector('.live-done').textContent");
    assert_eq!(page.js(&held).await, json!("✓ held"));
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_node_that_runs_typescript_the_page_of_a_challenge_says_what_to_install() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let given = workspace().join("crates/workbench/typescript");
    for (node, words) in [
        (None, "Node is not installed, so nothing was checked."),
        // As Node 20 answers.
        (
            Some("#!/bin/sh\necho undefined\n"),
            "This Node runs no TypeScript and the course's compiler is not installed",
        ),
    ] {
        let workspace = tempfile::tempdir().unwrap();
        let root = workspace.path();
        let types = root.join("crates/workbench/typescript");
        for folder in [&types, &root.join("lessons"), &root.join("bin")] {
            fs::create_dir_all(folder).unwrap();
        }
        let text = "# W5. One\n\n5 minutes · core\n\n<!-- challenge relay -->\n";
        fs::write(root.join("lessons/w5-one.md"), text).unwrap();
        for file in ["relay.ts", "relay-types.ts", "package.json", "workbench.js"] {
            fs::copy(given.join(file), types.join(file)).unwrap();
        }
        if let Some(node) = node {
            script(&root.join("bin/node"), node);
        }
        // A supervisor finds programs in this folder only.
        let (bin, lessons) = (root.join("bin"), env!("CARGO_BIN_EXE_lessons"));
        let with_path = format!(
            "#!/bin/sh\nPATH='{}' exec '{lessons}' \"$@\"\n",
            bin.display()
        );
        script(&root.join("lessons.sh"), &with_path);
        let supervisor = Supervisor::at(root.join("lessons.sh"));
        let live = served(root, supervisor).await;
        let page = driver.open(1280, &live.url).await;
        let address = live.url.split("/live").next().unwrap();
        page.browser
            .goto(&format!("{address}/w5-one.html"))
            .await
            .unwrap();
        page.until("!!document.querySelector('.challenge .live-button')")
            .await;
        page.js(&format!("{}.click()", button("Check"))).await;
        page.until(&format!("{}.startsWith({words:?})", said("Check")))
            .await;
        page.until(&format!(
            "{}.includes('npm ci --prefix lessons/typescript')",
            said("Check")
        ))
        .await;
        page.complains_of_nothing();
    }
}

/// Writes a program.
fn script(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Serves the book of a workspace in this process; what its pages start is started by this supervisor.
async fn served(workspace: &Path, supervisor: Supervisor) -> Live {
    let site = Site::build(workspace).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let live = Live::at(workspace, supervisor, address).unwrap();
    let (place, router) = (workspace.to_owned(), live.router.clone());
    tokio::spawn(async move { serve(listener, place, site, router).await });
    live
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_key_the_page_says_how_to_get_it_and_shows_no_button() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let book = Book::start();
    let page = format!("http://{}/10-singleton-game.html", book.address);
    let page = driver.open(1280, &page).await;
    page.until("!!document.querySelector('.live-note')").await;
    let note = page
        .js("document.querySelector('.live-note').textContent")
        .await;
    assert!(
        note.as_str()
            .unwrap()
            .contains("the address that the book's terminal shows"),
        "{note}"
    );
    assert_eq!(
        page.js("document.querySelectorAll('.live-button').length")
            .await,
        json!(0)
    );
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_and_the_dark_are_wide_enough_and_axe_finds_nothing_serious() {
    let Some(driver) = Driver::start() else {
        return;
    };
    // Without axe the widths are still checked.
    let axe = axe::script();
    let book = Book::start();
    let page = open(&driver, &book, "10-singleton-game.html").await;
    for (width, colours) in [
        (1280, "light"),
        (1280, "dark"),
        (390, "light"),
        (390, "dark"),
    ] {
        page.resize(width);
        page.prefer(colours);
        for file in [
            "10-singleton-game",
            "05-module-store",
            "12c-real-redis",
            "w5-relay",
        ] {
            goto(&page, &book, &format!("{file}.html")).await;
            let fits = page
                .js("document.documentElement.scrollWidth <= innerWidth")
                .await;
            assert_eq!(fits, json!(true), "{file} at {width}");
            shot(
                &page,
                &format!("{file}-{width}-{colours}"),
                ".exercises, .challenge, body:not(:has(.exercises, .challenge)) #run",
            )
            .await;
            let Some(axe) = &axe else { continue };
            let found = axe::findings(&page, axe).await;
            assert_eq!(found, None, "{file} at {width}, {colours}");
        }
    }
    page.complains_of_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_changed_keeps_its_buttons_and_gets_those_of_its_new_blocks() {
    let Some(driver) = Driver::start() else {
        return;
    };
    let workspace = tempfile::tempdir().unwrap();
    let file = workspace.path().join("lessons/01-one.md");
    fs::create_dir(workspace.path().join("lessons")).unwrap();
    let text = |run: &str| format!("# 1. One\n\n5 minutes · core\n\n## Run\n\n{run}");
    let block = |name: &str| format!("```\ncargo run -p {name}\n```\n\n");
    fs::write(&file, text(&block("one"))).unwrap();
    let supervisor = Supervisor::at(env!("CARGO_BIN_EXE_lessons"));
    let live = served(workspace.path(), supervisor).await;
    let page = driver.open(1280, &live.url).await;
    let address = live.url.split("/live").next().unwrap();
    let address = format!("{address}/01-one.html");
    page.browser.goto(&address).await.unwrap();
    let runs =
        "[...document.querySelectorAll('.live-button')].filter(one => one.textContent === 'Run')";
    page.until(&format!("{runs}.length === 1")).await;
    page.js(&format!("({runs}[0].dataset.kept = 'yes')")).await;
    fs::write(&file, text(&(block("other") + &block("one")))).unwrap();
    page.until(&format!("{runs}.length === 2")).await;
    let kept = page
        .js(&format!("{runs}.map(one => one.dataset.kept ?? 'new')"))
        .await;
    assert_eq!(kept, json!(["new", "yes"]));
    page.complains_of_nothing();
}
