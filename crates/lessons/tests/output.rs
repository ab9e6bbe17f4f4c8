//! What `build` does to the folder that it is given: somebody's files stay.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

use lessons::book::build;
use lessons::output::RECORD;
use tempfile::TempDir;

/// A workspace with these pages.
fn with_pages(names: &[&str]) -> TempDir {
    let workspace = tempfile::tempdir().unwrap();
    let lessons = workspace.path().join("lessons");
    fs::create_dir(&lessons).unwrap();
    for name in names {
        let text = format!("# {name}\n\n5 minutes · core\n\ntext\n");
        fs::write(lessons.join(name), text).unwrap();
    }
    workspace
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_folder_with_somebodys_files_is_refused_with_code_2_and_a_folder_to_write_instead() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["CNAME", "thesis.md", "index.html"] {
        fs::write(folder.path().join(path), "mine").unwrap();
    }
    fs::create_dir(folder.path().join(".git")).unwrap();
    let before = names(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_lessons"))
        .args(["build", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let says = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{says}");
    assert!(says.contains("for example ./book"), "{says}");
    assert_eq!(names(folder.path()), before);
    let thesis = fs::read_to_string(folder.path().join("thesis.md")).unwrap();
    assert_eq!(thesis, "mine");

    let file = folder.path().join("CNAME");
    let refused = build(with_pages(&["01-one.md"]).path(), &file).unwrap_err();
    assert!(refused.to_string().contains("is a file"), "{refused}");
}

#[test]
fn a_former_book_is_replaced_and_what_was_put_beside_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    build(with_pages(&["01-one.md", "02-two.md"]).path(), &site).unwrap();
    assert!(site.join("02-two.html").exists());
    fs::write(site.join("CNAME"), "mine").unwrap();
    fs::create_dir(site.join(".git")).unwrap();
    fs::write(site.join(".git/HEAD"), "mine").unwrap();
    fs::write(site.join("css/mine.css"), "mine").unwrap();

    build(with_pages(&["01-one.md"]).path(), &site).unwrap();
    assert!(site.join("01-one.html").exists());
    assert!(!site.join("02-two.html").exists(), "a page that is no more");
    for file in ["CNAME", ".git/HEAD", "css/mine.css"] {
        assert_eq!(fs::read_to_string(site.join(file)).unwrap(), "mine");
    }
    let left = names(&site);
    assert!(
        !left.iter().any(|name| name.contains("building")),
        "{left:?}"
    );
}

#[test]
fn a_file_of_somebody_that_has_a_name_of_the_book_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    build(with_pages(&["01-one.md"]).path(), folder.path()).unwrap();
    fs::write(folder.path().join("02-two.html"), "mine").unwrap();
    let pages = with_pages(&["01-one.md", "02-two.md"]);
    let refused = build(pages.path(), folder.path()).unwrap_err().to_string();
    assert!(
        refused.contains("02-two.html was not written by a build"),
        "{refused}"
    );
    let text = fs::read_to_string(folder.path().join("02-two.html")).unwrap();
    assert_eq!(text, "mine");
}

#[test]
fn a_record_that_names_files_outside_of_the_folder_removes_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, site) = (folder.path().join("mine"), folder.path().join("site"));
    fs::write(&mine, "mine").unwrap();
    fs::create_dir(&site).unwrap();
    fs::write(site.join(RECORD), format!("../mine\n{}\n", mine.display())).unwrap();
    build(with_pages(&["01-one.md"]).path(), &site).unwrap();
    assert!(mine.exists());
}

#[test]
fn a_page_that_is_refused_leaves_the_former_book_whole() {
    let site = tempfile::tempdir().unwrap();
    let pages = with_pages(&["01-one.md"]);
    build(pages.path(), site.path()).unwrap();
    let before = names(site.path());
    fs::write(pages.path().join("lessons/01-one.md"), "no head").unwrap();
    build(pages.path(), site.path()).unwrap_err();
    assert_eq!(names(site.path()), before);
}
