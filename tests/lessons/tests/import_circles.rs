//! No crate has a circle of modules, so that each can be read from the bottom up.
//!
//! A room is a module at the top of a crate with all that is below it: `user.rs` and the folder
//! `user/` are one, and what its files import from each other is its own affair. The crate's root is
//! not a room; a name that it re-exports leads to the module that it comes from.

use lesson_tests::workspace;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

#[test]
fn no_crate_has_a_circle_of_modules() {
    let crates = fs::read_dir(workspace().join("crates")).expect("the folder of crates");
    let mut found = Vec::new();
    for krate in crates.map(|entry| entry.expect("it can be listed")) {
        let name = krate.file_name().into_string().expect("a crate's name");
        let mut files = Vec::new();
        read_files(&krate.path().join("src"), "", &mut files);
        let circles = circles(&files).into_iter();
        found.extend(circles.map(|circle| (name.clone(), circle)));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_way_of_importing_is_seen() {
    let b = ("b.rs", "use crate::a::A; pub struct B;");
    for a in [
        "use crate::{b::{self, B}, c}; pub struct A(B);",
        "pub struct A(super::b::B);",
        "pub fn a() { select! { b = crate::b::B => b } }",
        "mod tests { fn a() { use super::super::b as bee; } }",
        "use crate::Bee;",
    ] {
        let root = ("lib.rs", "mod a; mod b; pub use b::{B as Bee};");
        assert_eq!(circles_of(&[root, ("a.rs", a), b]), ["a -> b -> a"], "{a}");
    }
    let comment = (
        "a.rs",
        "//! See [`crate::b::B`].\npub struct A; // crate::b",
    );
    assert!(circles_of(&[comment, b]).is_empty());
}

#[test]
fn a_module_and_its_folder_are_one_room() {
    let user = ("user.rs", "mod task; use self::task::Task;");
    let task = ("user/task.rs", "use super::User; use crate::other::Other;");
    assert!(circles_of(&[user, task, ("other.rs", "")]).is_empty());
    let other = ("other.rs", "use crate::user::User;");
    assert_eq!(circles_of(&[user, task, other]), ["other -> user -> other"]);
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    circles(&files.iter().map(owned).collect::<Vec<_>>())
}

fn read_files(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let entry = entry.expect("it can be listed");
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.path().is_dir() {
            read_files(&entry.path(), &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.push((name, fs::read_to_string(entry.path()).expect("it is text")));
        }
    }
}

/// The shortest circle through each room that is in one, named once.
fn circles(files: &[(String, String)]) -> Vec<String> {
    let (mut names, mut imports) = (BTreeMap::new(), Vec::new());
    for (file, text) in files {
        let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = match module {
            "lib" | "main" => Vec::new(),
            other => other.split('/').map(str::to_owned).collect(),
        };
        let mut found = Vec::new();
        let tokens: TokenStream = text.parse().expect("it compiles");
        paths(tokens, &module, &mut found);
        for (path, name) in found {
            match module.first() {
                Some(room) => imports.push((room.clone(), path)),
                None => drop(names.insert(name, path[0].clone())),
            }
        }
    }
    let rooms: BTreeSet<String> = files
        .iter()
        .map(|(file, _)| file.split(['/', '.']).next().unwrap_or_default().to_owned())
        .collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, path) in imports {
        let first = &path[0];
        let to = if rooms.contains(first) {
            Some(first)
        } else {
            names.get(first)
        };
        if let Some(to) = to.filter(|to| **to != from && rooms.contains(*to)) {
            edges.entry(from).or_default().insert(to.clone());
        }
    }
    rooms
        .iter()
        .filter_map(|room| shortest(room, &edges))
        .collect()
}

/// The way from a room back to it, if no room on it comes before it in the alphabet.
fn shortest(room: &str, edges: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut ways = VecDeque::from([vec![room.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way
            .last()
            .and_then(|last| edges.get(last))
            .into_iter()
            .flatten()
        {
            let mut way = way.clone();
            way.push(next.clone());
            if next == room {
                return way
                    .iter()
                    .all(|other| other.as_str() >= room)
                    .then(|| way.join(" -> "));
            }
            if seen.insert(next.clone()) {
                ways.push_back(way);
            }
        }
    }
    None
}

/// The path of each import and of each item that is named by its whole path, from the crate's root,
/// with the name by which it is known here.
fn paths(tokens: TokenStream, module: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let name = |word: Option<&TokenTree>| word.map(ToString::to_string);
                let is_module = at > 1 && name(tokens.get(at - 2)).as_deref() == Some("mod");
                let inner = is_module.then(|| tokens[at - 1].to_string());
                let module: Vec<String> = module.iter().cloned().chain(inner).collect();
                paths(group.stream(), &module, found);
            }
            TokenTree::Ident(word) if word == "use" => {
                tree(&tokens[at + 1..], module.to_vec(), found);
            }
            TokenTree::Ident(word)
                if (word == "crate" || word == "self" || word == "super")
                    && is_colon(tokens.get(at + 1)) =>
            {
                tree(&tokens[at..], module.to_vec(), found);
            }
            _ => {}
        }
    }
}

/// Reads `a::b`, `a::{b, c as d}` and `a::*` from their beginning.
fn tree(tokens: &[TokenTree], mut path: Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    let mut rest = tokens;
    loop {
        match rest {
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| token.to_string() == ",";
                let branches = inner.split(is_comma);
                return branches.for_each(|branch| tree(branch, path.clone(), found));
            }
            [TokenTree::Ident(word), ..] => match &*word.to_string() {
                "crate" => path.clear(),
                "super" => drop(path.pop()),
                "self" => {}
                segment => path.push(segment.to_owned()),
            },
            _ => {}
        }
        match rest {
            [_, colon, _, after @ ..] if is_colon(Some(colon)) => rest = after,
            [_, word, name, ..] if word.to_string() == "as" => {
                return found.extend((!path.is_empty()).then(|| (path, name.to_string())));
            }
            _ => break,
        }
    }
    let name = path.last().cloned();
    found.extend(name.map(|name| (path, name)));
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    token.is_some_and(|token| token.to_string() == ":")
}
