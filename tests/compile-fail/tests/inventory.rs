//! Each case is whole: it declares its reason, and has a snapshot and a twin.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use compile_fail::case::Case;
use compile_fail::inventory::{CRATES, Inventory, names, ui};
use compile_fail::snapshot;

#[test]
fn every_snapshot_gives_the_reason_that_its_case_declares_and_no_other() {
    for (krate, name) in cases_by_crate() {
        let program = ui().join(krate).join(&name).with_extension("rs");
        let case = fs::read_to_string(&program).unwrap();
        let case: Case = case
            .parse()
            .unwrap_or_else(|error| panic!("ui/{krate}/{name}.rs: {error}"));
        // That there is one is a test of its own.
        let Ok(words) = fs::read_to_string(program.with_extension("stderr")) else {
            continue;
        };
        assert_eq!(
            snapshot::reasons(&words),
            case.reasons,
            "ui/{krate}/{name}: what its .stderr says (left) is not what the first line of its \
             .rs declares (right)"
        );
    }
}

#[test]
fn every_case_has_a_snapshot() {
    for (krate, inventory) in inventories() {
        assert_eq!(
            inventory.cases_without_snapshot(),
            BTreeSet::new(),
            "these cases in ui/{krate} have no .stderr beside them, so they may be refused for \
             any reason at all; take it back from git, or have it written with \
             TRYBUILD=overwrite and read it"
        );
    }
}

#[test]
fn every_snapshot_has_a_case() {
    for (krate, inventory) in inventories() {
        assert_eq!(
            inventory.snapshots_without_case(),
            BTreeSet::new(),
            "these .stderr in ui/{krate} have no .rs beside them, so they promise a refusal that \
             nobody tries; remove them, or bring the case back"
        );
    }
}

#[test]
fn every_case_has_a_twin_that_does_it_right() {
    for (krate, inventory) in inventories() {
        assert_eq!(
            inventory.without_twin(),
            BTreeSet::new(),
            "these names in ui/{krate} are not both a case and, in twin/, the same program done \
             right"
        );
    }
}

#[test]
fn an_editors_lock_and_what_macos_keeps_are_not_cases() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hidden-cases");
    fs::create_dir_all(&folder).unwrap();
    for name in ["case.rs", ".#case.rs", "._case.rs"] {
        fs::write(folder.join(name), "").unwrap();
    }
    assert_eq!(names(&folder, "rs").unwrap(), ["case".to_owned()].into());
}

#[test]
fn every_crate_has_cases_so_that_green_means_refused() {
    let folders = fs::read_dir(ui()).expect("the folder ui/ with the cases");
    let folders: BTreeSet<String> = folders
        .map(|folder| folder.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(
        folders,
        CRATES.map(str::to_owned).into(),
        "the folders of ui/ (left) are not the crates whose cases are run (right)"
    );
    for (krate, inventory) in inventories() {
        assert!(!inventory.cases.is_empty(), "ui/{krate} has no case at all");
    }
}

fn inventories() -> impl Iterator<Item = (&'static str, Inventory)> {
    CRATES.into_iter().map(|krate| {
        let inventory = Inventory::read(&ui().join(krate));
        (krate, inventory.unwrap_or_else(|error| panic!("{error}")))
    })
}

fn cases_by_crate() -> impl Iterator<Item = (&'static str, String)> {
    inventories()
        .flat_map(|(krate, inventory)| inventory.cases.into_iter().map(move |case| (krate, case)))
}
