//! The book is whole: every page is in it, every link leads somewhere, and what is wrong in a page is
//! said with the page's name.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lessons::book::build;
use lessons::changes::newest;
use lessons::minutes::{Minutes, STEP, TOLERANCE, minutes, printed};
use lessons::page::{Page, pages, workspace};
use lessons::schedule::{Class, is_challenge, pages_of, table};
use tempfile::TempDir;

fn built() -> TempDir {
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    site
}

/// A workspace with one page.
fn with_page(text: &str) -> TempDir {
    let workspace = tempfile::tempdir().unwrap();
    fs::create_dir(workspace.path().join("lessons")).unwrap();
    fs::write(workspace.path().join("lessons/01-one.md"), text).unwrap();
    workspace
}

fn html_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => files.extend(html_files(&path)),
            Some(ending) if ending == "html" => files.push(path),
            _ => {}
        }
    }
    files
}

/// The values of an attribute, wherever it stands.
fn values<'a>(html: &'a str, attribute: &str) -> BTreeSet<&'a str> {
    let begins = format!(" {attribute}=\"");
    let parts = html.split(begins.as_str()).skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_page_is_in_the_book_and_every_link_and_anchor_leads_somewhere() {
    let site = built();
    let toc = fs::read_to_string(site.path().join("toc.html")).unwrap();
    for page in pages(&workspace()).unwrap() {
        let html = page.file.replace(".md", ".html");
        assert!(
            toc.contains(&html),
            "{} is in no table of contents",
            page.file
        );
    }
    let files = html_files(site.path());
    let read = |file: &PathBuf| {
        (
            file.canonicalize().unwrap(),
            fs::read_to_string(file).unwrap(),
        )
    };
    let texts: BTreeMap<PathBuf, String> = files.iter().map(read).collect();
    let mut links = 0;
    for (file, text) in &texts {
        // Shown at any address that leads nowhere, so its links begin at the root.
        if file.ends_with("404.html") {
            continue;
        }
        for link in values(text, "href").into_iter().chain(values(text, "src")) {
            if link.contains("://") || link.starts_with("data:") {
                continue;
            }
            links += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let target = target.canonicalize();
            let target =
                target.unwrap_or_else(|_| panic!("{}: {link} leads nowhere", file.display()));
            if let Some(html) = texts.get(&target).filter(|_| !anchor.is_empty()) {
                let has_it = values(html, "id").contains(anchor);
                assert!(has_it, "{}: {link} has no such anchor", file.display());
            }
        }
    }
    assert!(
        links > 1_000,
        "{links} links: does this test still read them?"
    );
}

#[test]
fn mdbooks_own_script_is_loaded_and_each_script_once() {
    let site = built();
    let page = fs::read_to_string(site.path().join("10-singleton-game.html")).unwrap();
    let scripts: Vec<&str> = page.split("<script src=\"").skip(1).collect();
    let scripts: Vec<&str> = scripts
        .iter()
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let distinct: BTreeSet<&str> = scripts.iter().copied().collect();
    assert_eq!(scripts.len(), distinct.len(), "{scripts:?}");
    let texts = scripts
        .iter()
        .map(|name| fs::read_to_string(site.path().join(name)).unwrap());
    // What highlights code, turns to the dark and opens the table of contents.
    assert!(
        texts
            .into_iter()
            .any(|text| text.contains("hljs.highlightBlock")
                || text.contains("hljs.highlightElement")),
        "{scripts:?}"
    );
}

#[test]
fn the_singletons_page_shows_what_differs_and_the_files_that_it_names() {
    let site = built();
    let page = fs::read_to_string(site.path().join("10-singleton-game.html")).unwrap();
    assert!(page.contains("language-diff"));
    assert!(
        page.contains("+    pub fn instance() -&gt; &amp;'static Self {"),
        "{page}"
    );
    let file = "files/crates/singleton-game/src/game_manager.rs.html";
    assert!(page.contains(file));
    assert!(site.path().join(file).is_file());
}

#[test]
fn a_page_that_is_not_as_it_should_be_is_refused_by_its_name_and_line() {
    let head = "# 1. One\n\n5 minutes · core\n\n";
    for (text, says) in [
        ("# 1. One\n\nNo minutes\n", "01-one.md: a page begins with"),
        (
            "# 1. One\n\n5 minutes · never\n",
            "01-one.md: a page begins with",
        ),
        (
            &format!("{head}[a](../crates/none.rs)\n"),
            "lessons/01-one.md:5: the link to ../crates/none.rs leads nowhere",
        ),
        (
            &format!("{head}<!-- diff none other -->\n"),
            "lessons/01-one.md:5: there is no crate",
        ),
        (
            &format!("{head}<!-- dance -->\n"),
            "lessons/01-one.md:5: <!-- dance --> is not understood",
        ),
        (
            &format!("{head}```rust file=none.rs\n```\n"),
            "a page names none.rs, which cannot be read",
        ),
    ] {
        let (workspace, site) = (with_page(text), tempfile::tempdir().unwrap());
        let refused = build(workspace.path(), site.path()).unwrap_err();
        assert!(
            format!("{refused:#}").contains(says),
            "{text:?}: {refused:#}"
        );
    }
}

#[test]
fn hidden_files_that_editors_and_systems_leave_are_not_pages() {
    let (workspace, site) = (
        with_page("# 1. One\n\n5 minutes · core\n\n[Files](typescript/)\n"),
        tempfile::tempdir().unwrap(),
    );
    let lessons = workspace.path().join("lessons");
    fs::create_dir(lessons.join("typescript")).unwrap();
    for folder in ["", "typescript"] {
        let folder = lessons.join(folder);
        fs::write(folder.join("._01-one.md"), b"Mac OS X \xff").unwrap();
        // The lock of Emacs is a link to nothing.
        #[cfg(unix)]
        std::os::unix::fs::symlink("ann@host.123", folder.join(".#01-one.md")).unwrap();
    }
    let seen = newest(workspace.path());
    build(workspace.path(), site.path()).unwrap();
    for entry in html_files(site.path()) {
        let text = fs::read_to_string(&entry).unwrap();
        assert!(!text.contains("._01"), "{}", entry.display());
    }
    fs::write(lessons.join("._02-two.md"), "").unwrap();
    assert_eq!(newest(workspace.path()), seen, "and no change of the book");
}

#[test]
fn what_cargo_and_npm_write_is_no_change_of_the_book() {
    let workspace = with_page("# 1. One\n\n5 minutes · core\n");
    let seen = newest(workspace.path());
    for folder in ["target", "typescript/node_modules/tsc"] {
        let folder = workspace.path().join("lessons").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("new.ts"), "").unwrap();
    }
    assert_eq!(newest(workspace.path()), seen);
    fs::write(workspace.path().join("lessons/typescript/new.ts"), "").unwrap();
    assert_ne!(newest(workspace.path()), seen);
}

#[test]
fn typescript_has_a_column_beside_the_rust_that_follows_it_and_none_alone() {
    let code = |language, file| format!("```{language} file={file}\nlet a = 1;\n```\n\n");
    let (ts, rust) = (code("ts", "a.ts"), code("rust", "a.rs"));
    for (code, columns) in [
        (format!("{ts}{rust}"), 1),
        (format!("{ts}{rust}{rust}{ts}{rust}"), 2),
        (format!("{ts}between\n\n{rust}"), 0),
        (format!("{rust}{ts}"), 0),
    ] {
        let workspace = with_page(&format!("# 1. One\n\n5 minutes · core\n\n{code}the end\n"));
        for file in ["a.ts", "a.rs"] {
            fs::write(workspace.path().join(file), "let a = 1;\n").unwrap();
        }
        let site = tempfile::tempdir().unwrap();
        build(workspace.path(), site.path()).unwrap();
        let page = fs::read_to_string(site.path().join("01-one.html")).unwrap();
        let found = page.matches("<div class=\"beside\">").count();
        assert_eq!(found, columns, "{code}");
        let (opened, closed) = (page.matches("<div").count(), page.matches("</div>").count());
        assert_eq!(opened, closed, "{code}");
        assert!(page.contains("<p>the end</p>"), "{code}");
    }
}

#[test]
fn a_change_in_a_list_names_its_file_and_not_what_the_test_expects() {
    let text = "# 1. One\n\n5 minutes · core\n\n1. Try it.\n\n   ```diff file=a.rs expect=E0624\n   -a\n   +b\n   ```\n\n2. And this.\n";
    let (workspace, site) = (with_page(text), tempfile::tempdir().unwrap());
    fs::write(workspace.path().join("a.rs"), "a\n").unwrap();
    build(workspace.path(), site.path()).unwrap();
    let page = fs::read_to_string(site.path().join("01-one.html")).unwrap();
    assert!(
        page.contains("<p class=\"file\"><a href=\"files/a.rs.html\">a.rs</a></p>"),
        "{page}"
    );
    assert!(
        page.contains("<code class=\"language-diff\">-a\n+b\n</code>"),
        "{page}"
    );
    let main = page
        .split("<main>")
        .nth(1)
        .unwrap()
        .split("</main>")
        .next()
        .unwrap();
    assert_eq!(main.matches("<ol>").count(), 1, "{main}");
    assert!(!page.contains("E0624"), "{page}");
}

#[test]
fn a_quotation_stands_at_the_margin_and_what_is_printed_goes_on_in_the_next_row() {
    let quoted = "        if a {\n            b();\n\n        }\n";
    let change = "```diff file=a.rs\n-        if a {\n+        if b {\n             b();\n```\n";
    let text = format!(
        "# 1. One\n\n5 minutes · core\n\n```rust file=a.rs\n{quoted}```\n\n{change}\n\
         ```\nverdict: a\n```\n\n```\na ──> b\n```\n\n```\n  |\n```\n"
    );
    let (workspace, site) = (with_page(&text), tempfile::tempdir().unwrap());
    fs::write(workspace.path().join("a.rs"), quoted).unwrap();
    build(workspace.path(), site.path()).unwrap();
    let page = fs::read_to_string(site.path().join("01-one.html")).unwrap();
    for shown in [
        "<code class=\"language-rust\">if a {\n    b();\n\n}</code>",
        "<code class=\"language-diff\">-        if a {\n+        if b {\n             b();\n</code>",
        "<code class=\"language-text output\">verdict: a\n</code>",
        "<code>a ──&gt; b\n</code>",
        "<code>  |\n</code>",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[test]
fn the_page_for_printing_has_the_lessons_and_links_to_their_files() {
    let site = built();
    let print = fs::read_to_string(site.path().join("print.html")).unwrap();
    let chapters = print.matches("<h1 id=").count();
    assert_eq!(chapters, pages(&workspace()).unwrap().len());
    assert!(print.contains("href=\"files/crates/singleton-game/src/game_manager.rs.html\""));
}

#[test]
fn the_way_back_to_the_lessons_leads_to_the_book_and_not_to_markdown() {
    let glossary = fs::read_to_string(built().path().join("15-glossary.html")).unwrap();
    assert!(glossary.contains("<a href=\"index.html\">back to the lessons</a>"));
}

#[test]
fn what_a_fence_shows_is_left_as_it_is() {
    let text = "# 1. One\n\n5 minutes · core\n\n```\n<!-- dance -->\n[a](../crates/none.rs)\n```\n";
    let (workspace, site) = (with_page(text), tempfile::tempdir().unwrap());
    build(workspace.path(), site.path()).unwrap();
    let page = fs::read_to_string(site.path().join("01-one.html")).unwrap();
    assert!(
        page.contains("&lt;!-- dance --&gt;") && page.contains("[a](../crates/none.rs)"),
        "{page}"
    );
}

#[test]
fn every_lesson_has_the_same_headings_in_the_same_order() {
    let pages = pages(&workspace()).unwrap();
    let is_lesson = |title: &str| {
        // 1, 12 and 13 are several pages: 12a, 12b.
        let number = title.split('.').next().unwrap_or_default();
        let number = number.trim_end_matches(char::is_alphabetic).parse();
        number.is_ok_and(|number: u32| (1..=14).contains(&number))
    };
    let lessons: Vec<_> = pages.iter().filter(|page| is_lesson(&page.title)).collect();
    let count = lessons.len();
    assert!(count > 20, "{count}: does this test still read them?");
    for lesson in lessons {
        let headings: Vec<&str> = lesson
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(
            headings,
            [
                "Predict",
                "Run",
                "Why",
                "In TypeScript",
                "What it costs",
                "Try it",
                "Check yourself",
                "For the instructor"
            ],
            "{}",
            lesson.file
        );
    }
}

#[test]
fn the_answer_of_check_yourself_is_folded() {
    for page in pages(&workspace()).unwrap() {
        let Some((_, rest)) = page.text.split_once("## Check yourself\n") else {
            continue;
        };
        let asked = rest.split("\n## ").next().unwrap_or_default();
        let shown = asked.split("<details>").next().unwrap_or_default();
        assert!(shown.trim().ends_with('?'), "{}: {shown}", page.file);
        assert!(asked.contains("<details><summary>Answer"), "{}", page.file);
    }
}

#[test]
fn a_page_whose_first_run_takes_minutes_announces_what_is_built() {
    let big = [
        "stateless-server",
        "memory-cache",
        "sticky-rooms",
        "pubsub-manager",
        "stock-feed",
        "feed-load",
    ];
    let mut found = 0;
    for page in pages(&workspace()).unwrap() {
        let Some((_, rest)) = page.text.split_once("## Run\n") else {
            continue;
        };
        let run = rest.split("\n## ").next().unwrap_or_default();
        let mut words = run.split_whitespace();
        let builds =
            words.any(|word| word == "-p") && words.next().is_some_and(|word| big.contains(&word));
        if builds {
            found += 1;
            let text = run.replace('\n', " ");
            assert!(text.contains("The first run compiles"), "{}", page.file);
        }
    }
    assert!(found > 8, "{found} pages: does this test still read them?");
}

#[test]
fn an_hour_three_hours_and_a_day_are_kept() {
    let (workspace, pages) = (workspace(), pages(&workspace()).unwrap());
    // A day is six hours, and a reader takes two for all pages.
    for (class, most) in [
        (Class::AnHour, 60),
        (Class::ThreeHours, 180),
        (Class::All, 360),
    ] {
        let chosen = pages_of(class, &pages);
        assert!(chosen.len() >= 4);
        let in_class = |page: &&Page| minutes(&workspace, page).unwrap().in_class;
        let sum: u32 = chosen.iter().map(in_class).sum();
        assert!(sum <= most, "{class:?} takes {sum} minutes");
        let alone: u32 = chosen.iter().map(|page| page.minutes).sum();
        let table = table(class, &workspace, &pages).unwrap();
        let last = format!("\n{sum:>8}  {alone:>5}  in all: ");
        assert!(alone <= 2 * most && table.contains(&last), "{table}");
    }
}

#[test]
fn each_page_prints_the_minutes_of_the_formula() {
    let workspace = workspace();
    let mut wrong = String::new();
    for page in pages(&workspace).unwrap() {
        if is_challenge(&page) {
            continue;
        }
        let alone = minutes(&workspace, &page).unwrap().alone;
        let is_near = page.minutes.abs_diff(alone) <= TOLERANCE;
        if !is_near || !page.minutes.is_multiple_of(STEP) {
            let Page { file, minutes, .. } = &page;
            let better = printed(alone);
            wrong += &format!("lessons/{file}: {minutes} minutes; write {better}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn words_lines_runs_figures_questions_and_tries_take_the_time_that_is_written_down() {
    let text = |run: &str, tried: &str| {
        format!(
            "# 1. One\n\n5 minutes · core\n\n## Run\n\n{run}\n## Try it\n\n{tried}\n\
             ## For the instructor\n\n{}\n",
            "word ".repeat(3_000)
        )
    };
    let of = |run: &str, tried: &str| {
        let workspace = with_page(&text(run, tried));
        fs::write(
            workspace.path().join("a.rs"),
            "let a = 1;\n// A comment.\n\n".repeat(60),
        )
        .unwrap();
        let page = pages(workspace.path()).unwrap().remove(0);
        let Minutes { in_class, alone } = minutes(workspace.path(), &page).unwrap();
        [in_class, alone]
    };
    let command = "```\ncargo run -p one\ncargo: what it prints\n```\n";
    let list = "### What to read\n\n| file |\n|---|\n| [a](../a.rs) |\n\n";
    let [nothing, _] = of("", "");
    for (run, tried, more) in [
        ("word ".repeat(300), "", [2, 2]),
        (String::new(), &*"word ".repeat(300), [0, 2]),
        (
            format!("```rust\n{}```\n", "let a = 1;\n".repeat(30)),
            "",
            [3, 3],
        ),
        (command.repeat(2), "", [4, 4]),
        ("<!-- figure one-door -->\n".to_owned(), "", [2, 2]),
        ("## Predict\n".to_owned(), "", [1, 1]),
        (String::new(), "1. a\n\n2. b\n", [0, 6]),
        (list.to_owned(), "", [0, 3]),
    ] {
        let found = of(&run, tried).map(|minutes| minutes - nothing);
        assert_eq!(found, more, "{run}{tried}");
    }
}
