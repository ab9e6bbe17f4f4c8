//! The pages may not drift from the code: what they quote is there, and what they link to exists.
//!
//! A quotation is a fence whose first line names its file: ```` ```rust file=crates/… ````, or
//! ```` ```ts file=lessons/typescript/… ````.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use lesson_tests::{SMALL_CRATES, lessons, program, run, visible, workspace};

#[test]
fn every_quotation_in_a_page_stands_in_the_file_that_it_names() {
    let mut quotations = 0;
    for page in pages() {
        let text = read(&page);
        for (line, file, quoted) in quotations_of(&text) {
            quotations += 1;
            let source = read(&workspace().join(file));
            assert!(
                source.contains(quoted),
                "{}:{line}: {file} does not hold these lines any more:\n{quoted}",
                page.display()
            );
        }
    }
    assert!(
        quotations > 0,
        "the pages quote nothing: does this test still read them?"
    );
}

#[test]
fn every_link_in_a_page_leads_to_a_file_that_exists() {
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        for target in links_of(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            links += 1;
            let folder = page.parent().expect("a page is in a folder");
            assert!(
                folder.join(path).exists(),
                "{}: the link to {target} leads nowhere",
                page.display()
            );
        }
    }
    assert!(
        links > 0,
        "the pages link to nothing: does this test still read them?"
    );
}

#[test]
fn an_editors_lock_and_what_macos_keeps_are_not_pages() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hidden-pages");
    fs::create_dir_all(&folder).expect("a folder of the tests");
    for name in [
        "05-module-store.md",
        ".#05-module-store.md",
        "._05-module-store.md",
    ] {
        fs::write(folder.join(name), "").expect("a file of the tests");
    }
    assert_eq!(visible(&folder), [folder.join("05-module-store.md")]);
}

#[test]
fn every_page_ends_with_a_link_to_the_next_one_or_to_the_readme() {
    for page in pages()
        .into_iter()
        .filter(|page| page.starts_with(workspace().join("lessons")))
    {
        let text = read(&page);
        let last = text.trim_end().lines().last().unwrap_or_default();
        assert!(
            last.contains("]("),
            "{}: its last line is {last:?}",
            page.display()
        );
    }
}

#[test]
fn every_lesson_has_a_drawing_of_where_the_state_lives() {
    for page in pages() {
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        // 12 and 13 are several pages: 12a, 12b.
        let number = name.split('-').next().unwrap_or_default();
        let number = number.trim_end_matches(char::is_alphabetic).parse();
        if number.is_ok_and(|number: u32| (1..=14).contains(&number)) {
            // As text, which a code host shows, and print.
            let text = read(&page);
            let strokes = ["──", "\\     /", "      |", "/            \\"];
            let has_strokes = text.split("```").skip(1).step_by(2).any(|block| {
                block.starts_with('\n') && strokes.iter().any(|stroke| block.contains(stroke))
            });
            assert!(has_strokes, "{name} has no drawing");
        }
    }
}

#[test]
fn no_line_of_a_paragraph_becomes_the_first_item_of_a_list() {
    // "… less after lesson\n1. `cargo run …`" was shown as a list of one item.
    for page in pages() {
        let text = read(&page);
        let (mut in_block, mut before) = (false, "");
        for (line, number) in text.lines().zip(1..) {
            in_block ^= line.trim_start().starts_with("```");
            let is_item = !in_block && line.starts_with("1. ");
            assert!(
                !is_item || before.is_empty(),
                "{}:{number}: {line}",
                page.display()
            );
            before = line;
        }
    }
}

#[test]
fn no_page_has_a_command_that_only_one_shell_takes() {
    let mut commands = 0;
    for page in pages() {
        let text = read(&page);
        for (block, number) in text.split("```").skip(1).step_by(2).zip(1..) {
            for line in block.lines().filter(|line| line.contains("cargo ")) {
                commands += 1;
                let sets_a_variable = line
                    .split(' ')
                    .next()
                    .is_some_and(|word| word.contains('='));
                let other = sets_a_variable || line.ends_with('&') || line.contains("&&");
                assert!(!other, "{}, block {number}: {line}", page.display());
            }
        }
    }
    assert!(commands > 20, "{commands}: does this test still read them?");
}

#[test]
fn every_small_program_names_its_page_when_asked_for_help() {
    for name in SMALL_CRATES {
        let program = program(name).expect("cargo builds it");
        let help = run(program.command().arg("--help"), "").expect("it runs");
        let words = help.stdout.split_whitespace();
        let pages: Vec<&str> = words
            .map(|word| word.trim_end_matches('.'))
            .filter(|word| word.starts_with("lessons/"))
            .collect();
        let is_named =
            |page: &&str| read(&workspace().join(page)).contains(&format!("cargo run -p {name}\n"));
        assert!(pages.iter().any(is_named), "{name}: {}", help.stdout);
    }
}

#[test]
fn every_command_that_the_readme_names_has_a_package() {
    let readme = read(&workspace().join("README.md"));
    let packages: Vec<&str> = readme
        .split("cargo run -p ")
        .skip(1)
        .filter_map(|rest| {
            rest.split(|c: char| !(c.is_alphanumeric() || c == '-'))
                .next()
        })
        .collect();
    assert!(packages.contains(&"singleton-game"));
    for package in packages {
        let manifest = workspace().join("crates").join(package).join("Cargo.toml");
        assert!(
            manifest.exists(),
            "README.md runs {package}, which is no package"
        );
    }
}

/// The lines of code in a file, or in a folder and the folders in it, without the parts that are counted by themselves or
/// not at all: the cluster, the demonstration and the tests.
fn lines_of_code(path: &Path) -> usize {
    if path.is_dir() {
        let is_counted = |path: &PathBuf| {
            let others = ["cluster", "demo", "main", "tests"];
            !others.map(OsStr::new).map(Some).contains(&path.file_stem())
        };
        let paths = visible(path).into_iter().filter(is_counted);
        return paths.map(|path| lines_of_code(&path)).sum();
    }
    // Reasons are free: a budget that counts them is kept by leaving them out.
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    read(path).lines().filter(is_code).count()
}

#[test]
fn the_manager_that_lesson_12a_teaches_is_at_most_a_thousand_lines_of_code() {
    let source = workspace().join("crates/pubsub-manager/src");
    let lines = lines_of_code(&source);
    assert!((500..=1_000).contains(&lines), "{lines} lines");
    // The lesson on a single Redis has no word about a cluster, so its code is counted by itself.
    let of_the_loop = read(&source.join("subscriber.rs")).to_lowercase();
    assert!(
        !["cluster", "slot", "master"]
            .iter()
            .any(|word| of_the_loop.contains(word))
    );
    let cluster = ["cluster.rs", "cluster"].map(|name| lines_of_code(&source.join(name)));
    let lines: usize = cluster.iter().sum();
    assert!((300..=700).contains(&lines), "{lines} lines");
}

#[test]
fn the_manager_has_one_reading_order_in_its_library_its_lesson_and_the_readme() {
    let source = "crates/pubsub-manager/src/";
    let library = read(&workspace().join(source).join("lib.rs"));
    let modules = library.lines().filter_map(|line| {
        let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
        // A cluster is a lesson of its own.
        (!["cluster", "tests"].contains(&name)).then(|| format!("{name}.rs"))
    });
    let modules: Vec<String> = modules.collect();
    let lesson = read(&workspace().join("lessons/12a-pubsub-manager.md"));
    let rows = lesson.lines().filter(|line| line.starts_with("| ["));
    // A module's own files are in the row of the module.
    let listed: Vec<&str> = rows
        .filter_map(|row| {
            row.split_once(&format!("](../{source}"))?
                .1
                .split(')')
                .next()
        })
        .collect();
    assert_eq!(listed, modules, "lesson 12a's table and {source}lib.rs");
    let readme = read(&workspace().join("README.md"));
    let mut rows = readme.lines();
    let row = rows
        .find(|line| line.contains("lessons/12a-"))
        .unwrap_or_default();
    let first = format!("[{0}]({source}{0})", modules[0]);
    assert!(
        row.contains(&first),
        "README.md names another file to read first: {row}"
    );
}

/// The line it begins on, the file it names, and the quoted text.
fn quotations_of(page: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    let begins = |text: &str| {
        let fences = ["```rust file=", "```ts file="].into_iter();
        fences
            .filter_map(|fence| Some((text.find(fence)?, fence.len())))
            .min()
    };
    while let Some((at, length)) = begins(rest) {
        let line = page[..page.len() - rest.len() + at].lines().count() + 1;
        let fence = &rest[at + length..];
        let (file, body) = fence.split_once('\n').expect("a fence's first line ends");
        let end = body.find("```").expect("a fence is closed");
        found.push((line, file.trim(), &body[..end]));
        rest = &body[end + 3..];
    }
    found
}

fn links_of(page: &str) -> impl Iterator<Item = &str> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

fn pages() -> Vec<PathBuf> {
    let crates = visible(&workspace().join("crates")).into_iter();
    let readmes = crates.map(|folder| folder.join("README.md"));
    let others = ["README.md", "ARCHITECTURE.md"].map(|page| workspace().join(page));
    let readmes = readmes.chain(others).filter(|path| path.exists());
    lessons().into_iter().chain(readmes).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
