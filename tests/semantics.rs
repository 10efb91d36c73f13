//! `mountd/SEMANTICS.md` names tests beside its promises: each of them is there.

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

#[test]
fn every_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("mountd/SEMANTICS.md")).unwrap();
    let sources: Vec<(PathBuf, String)> =
        sources().into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let mut missing = Vec::new();
    let mut named = 0;
    for text in quoted(&page) {
        let is_there = if let Some((module, name)) = as_test(text) {
            let wanted = format!("fn {name}(");
            sources.iter().any(|(path, source)| is_module(path, module) && source.contains(&wanted))
        } else if text.starts_with("tests/") || text.starts_with("scripts/") {
            root.join(text).exists()
        } else {
            continue;
        };
        named += 1;
        if !is_there {
            missing.push(text);
        }
    }
    assert!(missing.is_empty(), "named and not there: {missing:?}");
    assert!(named > 10, "the page names its tests between backticks");
}
