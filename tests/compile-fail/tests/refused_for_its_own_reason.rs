//! Each case is refused for its own reason: it compiles with its own mutation, and not without it.
//!
//! The mutations are applied to copies, under Cargo's folder for the files of tests: for each case a small
//! package with its mutation, and for each crate one package with all of its cases and no mutation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, io};

use compile_fail::case::Case;
use compile_fail::inventory::{CRATES, Inventory, ui};
use serde_json::Value;

#[test]
fn each_case_compiles_with_its_own_mutation_and_not_without_it() {
    let mut packages = Vec::new();
    let mut mutated = BTreeSet::new();
    let mut original = BTreeSet::new();
    let metadata = metadata().unwrap();
    for krate in CRATES {
        let dependencies = dependencies(&metadata, krate);
        let cases = Inventory::read(&ui().join(krate)).unwrap().cases;
        for case in &cases {
            let name = target(krate, "mutated", case);
            let mut package = Package::copy(name, krate, &dependencies, "mutated", [case]).unwrap();
            let applied = package.mutate(krate, case);
            applied.unwrap_or_else(|error| panic!("ui/{krate}/{case}.rs: {error}"));
            packages.push(package);
        }
        let name = format!("{krate}-original");
        packages.push(Package::copy(name, krate, &dependencies, "original", &cases).unwrap());
        mutated.extend(cases.iter().map(|case| target(krate, "mutated", case)));
        original.extend(cases.iter().map(|case| target(krate, "original", case)));
    }
    let output = check(&packages).unwrap();
    let compiled = compiled(&output);
    assert_eq!(
        &original & &compiled,
        BTreeSet::new(),
        "these cases compile without their mutation"
    );
    assert_eq!(
        &mutated - &compiled,
        BTreeSet::new(),
        "these cases are refused even with their mutation: the text that it changes does not refuse them, \
         or something else is wrong with them; the compiler says:\n{}",
        errors(&output)
    );
}

#[test]
fn a_person_who_denies_warnings_can_run_these_tests() {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("warnings");
    let manifest = "[package]\nname = \"warns\"\nedition = \"2024\"\n[workspace]\n";
    write(&workspace.join("Cargo.toml"), manifest).unwrap();
    write(
        &workspace.join("src/main.rs"),
        "fn main() { let unused = 1; }\n",
    )
    .unwrap();
    for variable in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        let output = cargo_check(&workspace).env(variable, "-Dwarnings").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{variable}: {said}");
        assert!(said.contains("unused variable"), "{variable}: {said}");
    }
}

#[test]
fn a_checkout_that_may_only_be_read_can_be_tested_twice() {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-only");
    let lock = workspace.join("original/Cargo.lock");
    let _ = fs::remove_file(&lock);
    write(&lock, "version = 4\n").unwrap();
    let mut permissions = fs::metadata(&lock).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&lock, permissions).unwrap();
    for _ in 0..2 {
        copy_lock(&lock, &workspace).unwrap();
        let copy = fs::metadata(workspace.join("Cargo.lock")).unwrap();
        assert!(!copy.permissions().readonly());
    }
}

/// A copy of a crate with some of its cases, to be changed and checked.
struct Package {
    name: String,
    /// Text by path. The paths are those of the workspace, so that a case still finds what it names
    /// by `#[path]`.
    files: BTreeMap<String, String>,
}

impl Package {
    fn copy<'a>(
        name: String,
        krate: &str,
        dependencies: &str,
        kind: &str,
        cases: impl IntoIterator<Item = &'a String>,
    ) -> io::Result<Self> {
        let mut paths = files_under(&format!("crates/{krate}/src"))?;
        paths.push(format!("crates/{krate}/README.md"));
        let mut manifest = manifest(&name, krate, dependencies);
        for case in cases {
            let path = case_path(krate, case);
            let bin = target(krate, kind, case);
            manifest += &format!("\n[[bin]]\nname = \"{bin}\"\npath = \"{path}\"\n");
            paths.push(path);
        }
        let mut files = BTreeMap::from([("Cargo.toml".to_owned(), manifest)]);
        for path in paths {
            // A crate need not have a README.
            if let Ok(text) = fs::read_to_string(root().join(&path)) {
                files.insert(path, text);
            }
        }
        Ok(Self { name, files })
    }

    fn mutate(&mut self, krate: &str, case: &str) -> Result<(), Box<dyn std::error::Error>> {
        let here = case_path(krate, case);
        let declared: Case = self.files[&here].parse()?;
        for mutation in declared.mutations {
            let path = match mutation.place.as_str() {
                "here" => here.clone(),
                file => format!("crates/{krate}/src/{file}"),
            };
            let text = self.files.entry(path).or_default();
            *text = mutation.apply(text)?;
        }
        Ok(())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn case_path(krate: &str, case: &str) -> String {
    format!("tests/compile-fail/ui/{krate}/{case}.rs")
}

fn target(krate: &str, kind: &str, case: &str) -> String {
    format!("{krate}-{case}-{kind}")
}

/// The files in a folder of the workspace and in its folders, by their paths in the workspace.
fn files_under(folder: &str) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root().join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // An editor's lock is a link that leads nowhere.
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{folder}/{name}");
        if entry.file_type()?.is_dir() {
            paths.extend(files_under(&path)?);
        } else {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// What Cargo has recorded of the workspace's crates.
fn metadata() -> io::Result<Value> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a crate cannot do without, and what the programs under `ui/` use besides.
///
/// Any version: which one is said by Cargo.lock.
fn dependencies(workspace: &Value, krate: &str) -> String {
    let own =
        needs(workspace, krate).filter(|need| need["kind"].is_null() && need["optional"] == false);
    // Of the crate itself, a case finds the copy.
    let of_cases = needs(workspace, "compile-fail").filter(|need| need["name"] != krate);
    let mut by_name = BTreeMap::<&str, Vec<&Value>>::new();
    for need in own.chain(of_cases) {
        let name = need["name"].as_str().unwrap_or_default();
        by_name.entry(name).or_default().push(need);
    }
    let mut lines = String::new();
    for (name, needs) in by_name {
        let features = needs.iter().flat_map(|need| need["features"].as_array());
        let features: Vec<String> = features.flatten().map(Value::to_string).collect();
        let default = needs
            .iter()
            .any(|need| need["uses_default_features"] == true);
        lines += &format!(
            "{name} = {{ version = \"*\", default-features = {default}, features = [{}]",
            features.join(", ")
        );
        if let Some(path) = needs.iter().find_map(|need| need["path"].as_str()) {
            lines += &format!(", path = {path:?}");
        }
        lines += " }\n";
    }
    lines
}

fn needs<'a>(workspace: &'a Value, krate: &'a str) -> impl Iterator<Item = &'a Value> {
    let packages = workspace["packages"].as_array().into_iter().flatten();
    packages
        .filter(move |package| package["name"] == krate)
        .flat_map(|package| package["dependencies"].as_array())
        .flatten()
}

fn manifest(name: &str, krate: &str, dependencies: &str) -> String {
    format!(
        r#"[package]
name = "{name}"
edition = "2024"

[lib]
name = "{}"
path = "crates/{krate}/src/lib.rs"

[dependencies]
{dependencies}"#,
        krate.replace('-', "_")
    )
}

/// Checks all the packages at once, as far as they will go.
fn check(packages: &[Package]) -> io::Result<Output> {
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    let members: Vec<&str> = packages.iter().map(|package| &*package.name).collect();
    write(
        &workspace.join("Cargo.toml"),
        &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"),
    )?;
    copy_lock(&root().join("Cargo.lock"), &workspace)?;
    for package in packages {
        for (path, text) in &package.files {
            write(&workspace.join(&package.name).join(path), text)?;
        }
    }
    cargo_check(&workspace).output()
}

/// Copies the text of a Cargo.lock, and not its permissions: in a checkout that may only be read, the
/// copy could be changed neither by Cargo nor by the next run.
fn copy_lock(lock: &Path, workspace: &Path) -> io::Result<()> {
    let copy = workspace.join("Cargo.lock");
    match fs::remove_file(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::write(copy, fs::read(lock)?),
    }
}

/// The check of a workspace.
///
/// With trybuild's folder and flags, what it has compiled need not be compiled again. Were they
/// to change, this would take longer and say the same.
fn cargo_check(workspace: &Path) -> Command {
    let flags = [
        "--cfg",
        "trybuild",
        "--verbose",
        "-A",
        "dead_code",
        "--diagnostic-width=140",
    ];
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests/trybuild");
    let mut command = cargo();
    command
        .args(["check", "--workspace", "--bins", "--keep-going"])
        .args(["--offline", "--quiet", "--message-format=json"])
        .arg("--target=host-tuple")
        // Instead of all other flags: Cargo joins those of --config to a person's own, and with
        // `-Dwarnings` among them no case compiles with its mutation.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", target)
        .current_dir(workspace);
    command
}

/// Writes what has changed, so that what has not is not compiled again.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|written| written == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// The names of the programs that the compiler let pass.
fn compiled(output: &Output) -> BTreeSet<String> {
    let made = messages(output).filter(|message| message["reason"] == "compiler-artifact");
    made.filter_map(|message| message["target"]["name"].as_str().map(str::to_owned))
        .collect()
}

/// What the compiler says about mutated cases, and what Cargo says.
fn errors(output: &Output) -> String {
    let about_mutated = |message: &Value| {
        let target = message["target"]["name"].as_str();
        message["message"]["level"] == "error"
            && target.is_none_or(|name| !name.ends_with("-original"))
    };
    let errors = messages(output).filter(about_mutated);
    let said =
        errors.filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned));
    let cargo = String::from_utf8_lossy(&output.stderr);
    // The cases without their mutation must not compile, so their errors are expected.
    let cargo = cargo.lines().filter(|line| !line.contains("-original"));
    said.chain(cargo.map(|line| format!("{line}\n"))).collect()
}

fn messages(output: &Output) -> impl Iterator<Item = Value> {
    let lines = output.stdout.split(|&byte| byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}
