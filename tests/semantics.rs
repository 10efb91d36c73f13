//! `mountd/SEMANTICS.md` and `mountd/SECURITY.md` name tests beside their promises: each promise names one, and each of them is there.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file of the repository that may hold a test.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["src", "tests", "mountd", "policy"].map(|folder| root.join(folder)).into();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for there in fs::read_dir(folder).unwrap() {
            let path = there.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a file is the module of that name.
fn is_module(path: &Path, module: &str) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    stem == Some(module) || (folder == Some(module) && matches!(stem, Some("mod" | "main" | "tests")))
}

/// The module and the name of a test that text names as `module::name`.
fn as_test(text: &str) -> Option<(&str, &str)> {
    let word = |part: &str| part.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    text.split_once("::").filter(|(module, name)| word(module) && word(name))
}

/// What stands between backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// Whether a source has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_above = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with(&format!("fn {name}(")))
        .any(|(at, _)| lines[..at].iter().rev().take_while(is_above).any(|line| *line == "#[test]"))
}

fn is_proof(text: &str) -> bool {
    as_test(text).is_some() || text.starts_with("tests/") || text.starts_with("scripts/")
}

/// The promises of the page: points of lists, each with the lines that belong to it.
fn promises(page: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let is_point = line.starts_with("* ") || line.split_once(". ").is_some_and(|(n, _)| n.parse::<u8>().is_ok());
        if is_point {
            all.push(line.to_owned());
        } else if inside && line.starts_with(' ') {
            all.last_mut().unwrap().push_str(line);
        }
        inside = is_point || (inside && line.starts_with(' '));
    }
    all
}

/// The pages, with the fewest promises that each must be read as.
const PAGES: [(&str, usize); 2] = [("mountd/SEMANTICS.md", 80), ("mountd/SECURITY.md", 15)];

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: Vec<(PathBuf, String)> =
        sources().into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let page = PAGES.map(|(name, _)| page(name)).concat();
    let missing: Vec<&str> = quoted(&page)
        .filter(|text| is_proof(text))
        .filter(|text| match as_test(text) {
            Some((module, name)) => {
                !sources.iter().any(|(path, source)| is_module(path, module) && has_test(source, name))
            }
            None => !root.join(text).exists(),
        })
        .collect();
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}

/// A second try would hide what comes through once in a while.
#[test]
fn what_guards_a_promise_of_security_is_tried_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = fs::read_to_string(root.join(".config/nextest.toml")).unwrap();
    let (_, modules) = config.split_once("binary(fuse) and not test(/^(").unwrap();
    let once: Vec<&str> = modules.split_once(")::/)").unwrap().0.split('|').collect();
    let page = page("mountd/SECURITY.md");
    let on_mounts = quoted(&page).filter_map(as_test).filter(|(module, name)| {
        let source = fs::read_to_string(root.join("tests/fuse").join(module).with_extension("rs"));
        source.is_ok_and(|source| has_test(&source, name))
    });
    let again: Vec<_> = on_mounts.filter(|(module, _)| !once.contains(module)).collect();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn every_promise_of_a_page_names_a_test() {
    for (name, fewest) in PAGES {
        let all = promises(&page(name));
        assert!(all.len() > fewest, "{name} is read as lists of promises: {}", all.len());
        let bare: Vec<&String> = all.iter().filter(|promise| !quoted(promise).any(is_proof)).collect();
        assert!(bare.is_empty(), "{name}: no test is named beside: {bare:#?}");
    }
}
