//! The first servers in TypeScript: the course's compiler accepts them, and each fails as the one in Rust.

mod support;

use std::path::Path;
use std::process::Command;

use support::{example, file, folder, has_node, workbench};

#[test]
fn each_first_server_in_typescript_compiles_strictly_and_fails_as_the_one_in_rust() {
    let compiler = file("../../lessons/typescript/node_modules/typescript/bin/tsc");
    if !has_node() || !is_installed(&compiler) {
        return;
    }
    let out = folder().join("out");
    let output = Command::new("node")
        .arg(&compiler)
        .arg("-p")
        .arg(file("typescript"))
        .arg("--outDir")
        .arg(&out)
        .output()
        .expect("node runs the compiler");
    assert!(output.status.success(), "{output:?}");
    std::fs::copy(file("typescript/package.json"), out.join("package.json"))
        .expect("it says that the files are modules");
    for challenge in ["moves", "cache", "rooms", "instance", "relay", "slow"] {
        let server = out
            .join(challenge)
            .with_extension("js")
            .display()
            .to_string();
        let few = ["--stories", "100"];
        let checked = workbench(&[&[challenge], &few[..], &["--", "node", &server]].concat());
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let in_rust = example(challenge, &few);
        assert_eq!(rule(&checked.stdout), rule(&in_rust.stdout), "{challenge}");
    }
}

#[test]
fn a_type_error_leaves_no_server_to_check() {
    let compiler = file("../../lessons/typescript/node_modules/typescript/bin/tsc");
    if !has_node() || !is_installed(&compiler) {
        return;
    }
    let project = folder();
    let options = file("typescript/tsconfig.json").display().to_string();
    let config = format!(
        "{{ \"extends\": {options:?}, \"compilerOptions\": {{ \"rootDir\": \".\", \"outDir\": \"out\" }} }}"
    );
    std::fs::write(project.join("tsconfig.json"), config)
        .expect("the target folder can be written");
    let wrong = "export const number: number = 'one';\n";
    std::fs::write(project.join("mine.ts"), wrong).expect("the target folder can be written");
    let output = Command::new("node")
        .arg(&compiler)
        .arg("-p")
        .arg(&project)
        .output()
        .expect("node runs the compiler");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("TS2322"), "{output:?}");
    assert!(!output.status.success(), "{output:?}");
    assert!(!project.join("out/mine.js").exists());
}

fn rule(printed: &str) -> &str {
    let (_, rule) = printed.split_once("=> ").expect("a rule is broken");
    rule.split("\n\n").next().unwrap_or(rule)
}

fn is_installed(compiler: &Path) -> bool {
    if !compiler.exists() {
        let install = "npm ci --prefix lessons/typescript";
        harness::skip("the course's TypeScript is not installed", install);
    }
    compiler.exists()
}
