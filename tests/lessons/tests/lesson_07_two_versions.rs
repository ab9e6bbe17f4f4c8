//! Lesson 7: two versions of one crate in a build are two statics, also where the compiler defends one.
//!
//! A program with two versions of `singleton-game` among its dependencies is written and run here.

use std::fs;
use std::path::Path;
use std::process::Command;

use escargot::CargoBuild;
use lesson_tests::{copy, run, workspace, write};

const MAIN: &str = r#"
fn main() {
    let games = game::famous();
    old::GameManager::instance().add_game(games[0].clone()).expect("it is empty");
    new::GameManager::instance().add_game(games[1].clone()).expect("it is empty");
    let (old, new) = (old::GameManager::instance(), new::GameManager::instance());
    println!("the old one has {} game, the new one {}", old.games().len(), new.games().len());
}
"#;

#[test]
fn two_versions_of_the_singletons_crate_have_an_instance_each() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-versions");
    let game = format!("game = {{ path = {:?} }}", workspace().join("crates/game"));
    for version in ["0.1.0", "0.2.0"] {
        let krate = folder.join(version);
        copy(
            &workspace().join("crates/singleton-game/src"),
            &krate.join("src"),
        );
        copy(
            &workspace().join("crates/singleton-game/README.md"),
            &krate.join("README.md"),
        );
        let manifest = format!(
            "[package]\nname = \"singleton-game\"\nversion = \"{version}\"\nedition = \"2024\"\n\n\
             [workspace]\n\n[dependencies]\n{game}\nonce_cell = \"1\"\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n"
        );
        write(&krate.join("Cargo.toml"), &manifest);
    }
    let manifest = format!(
        "[package]\nname = \"two-versions\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{game}\n\
         old = {{ package = \"singleton-game\", path = \"../0.1.0\" }}\n\
         new = {{ package = \"singleton-game\", path = \"../0.2.0\" }}\n"
    );
    let program = folder.join("program");
    write(&program.join("Cargo.toml"), &manifest);
    write(&program.join("src/main.rs"), MAIN);
    fs::copy(workspace().join("Cargo.lock"), program.join("Cargo.lock")).expect("it is there");

    let built = CargoBuild::new()
        .manifest_path(program.join("Cargo.toml"))
        // What the dependencies need is built there already, or will be.
        .target_dir(Path::new(env!("CARGO_TARGET_TMPDIR")).join("try-it/target"))
        .arg("--offline")
        .run()
        .expect("cargo builds it");
    let output = run(&mut built.command(), "").expect("it runs");
    // Each of them is the only one of its crate, and neither has the other's game.
    assert_eq!(output.stdout, "the old one has 1 game, the new one 1\n");
    let page =
        fs::read_to_string(workspace().join("lessons/07b-one-per-what.md")).expect("it is there");
    for printed in [output.stdout, duplicates(&program)] {
        let is_said = page.contains(&format!("\n```\n{printed}```\n"));
        assert!(is_said, "page 7b does not say\n{printed}");
    }
}

/// What `cargo tree -d` prints in a package, without the folders of this machine.
fn duplicates(package: &Path) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let tree = cargo.args(["tree", "-d", "--offline"]).current_dir(package);
    let printed = run(tree, "").expect("cargo can be started").stdout;
    let lines = printed.lines();
    let lines = lines.map(|line| format!("{}\n", line.split(" (").next().unwrap_or_default()));
    lines.collect()
}
