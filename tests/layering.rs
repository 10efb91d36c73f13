//! The rules of the layout, checked on the sources: who may use whom, and what stays in one place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines that a source file may have.
const LONGEST: usize = 600;

/// Layers from the bottom; modules of one rank may use each other in one direction only.
const LAYERS: [(&str, u8); 17] = [
    ("types", 0),
    ("clock", 0),
    ("directory", 0),
    ("rng", 0),
    ("policy", 0),
    ("media", 1),
    ("crypto", 1),
    ("catalog", 2),
    ("blob", 2),
    ("c2pa", 2),
    ("view", 3),
    ("access", 3),
    ("audit", 3),
    ("ops", 4),
    ("fs", 4),
    ("cli", 5),
    ("lib", 6),
];

struct Source {
    /// From the top of the project, with `/`.
    path: String,
    lines: usize,
    /// Without comments, documentation and test modules.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources(dirs: &[&str]) -> Vec<Source> {
    let mut files = Vec::new();
    for dir in dirs {
        rust_files(&root().join(dir), &mut files);
    }
    files.sort();
    let texts: BTreeMap<PathBuf, String> =
        files.into_iter().map(|f| (f.clone(), fs::read_to_string(f).unwrap())).collect();
    let tests = test_files(&texts);
    texts
        .iter()
        .map(|(file, text)| Source {
            path: file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
            lines: text.lines().count(),
            code: if tests.iter().any(|t| file.starts_with(t)) { String::new() } else { without_tests(&bare(text)) },
        })
        .collect()
}

/// Files (and the directories beside them) of modules that are only compiled for tests.
fn test_files(texts: &BTreeMap<PathBuf, String>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (file, text) in texts {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let dir = file.parent().unwrap();
        let home = if ["mod", "lib", "main"].contains(&stem) { dir.to_owned() } else { dir.join(stem) };
        for module in test_modules(&bare(text)) {
            found.insert(home.join(format!("{module}.rs")));
            // `#[path]` counts from the directory of the file that has it.
            found.insert(dir.join(format!("{module}.rs")));
            found.insert(home.join(module));
        }
    }
    found
}

/// Names of the `mod x;` that follow a `#[cfg(..test..)]`.
fn test_modules(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some((condition, mut rest)) = code[at..].split_once(']') else { continue };
        if !is_test(condition) {
            continue;
        }
        let behind = rest;
        rest = without_attributes(rest);
        let attributes = &behind[..behind.len() - rest.len()];
        let item = rest.split([';', '{']).next().unwrap_or_default();
        if let Some((_, name)) = item.split_once("mod ").filter(|_| rest[item.len()..].starts_with(';')) {
            let file = attributes.split_once("path = \"").and_then(|(_, path)| path.split_once(".rs\""));
            found.push(file.map_or(name, |(file, _)| file).trim().to_owned());
        }
    }
    found
}

fn is_test(condition: &str) -> bool {
    words(condition).any(|w| w == "test") && !condition.contains("not(")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn without_attributes(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        if !rest.starts_with("#[") {
            return rest;
        }
        let mut depth = 0;
        let end = rest.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            c == ']' && depth == 0
        });
        let Some((end, _)) = end else { return "" };
        rest = &rest[end + 1..];
    }
}

/// The code without comments. Strings keep their text (SQL lives in them), but what looks like a brace in them is blanked.
fn bare(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    while i < bytes.len() {
        let c = bytes[i];
        if c == '/' && at(i + 1) == '/' {
            while i < bytes.len() && bytes[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            while i < bytes.len() {
                if at(i) == '/' && at(i + 1) == '*' {
                    depth += 1;
                    i += 1;
                } else if at(i) == '*' && at(i + 1) == '/' {
                    depth -= 1;
                    i += 1;
                }
                i += 1;
                if depth == 0 {
                    break;
                }
            }
        } else if c == '"' || (c == 'r' && matches!(at(i + 1), '"' | '#') && !follows_word(&bytes, i)) {
            i = string(&bytes, i, &mut out);
        } else if c == '\'' {
            // A character, or a lifetime.
            let len = if at(i + 1) == '\\' {
                (i + 3..bytes.len()).find(|&n| bytes[n] == '\'').map_or(1, |n| n - i + 1)
            } else if at(i + 2) == '\'' {
                3
            } else {
                1
            };
            out.push('\'');
            i += len;
        } else {
            out.push(c);
            i += 1;
        }
    }
    out
}

fn follows_word(chars: &[char], i: usize) -> bool {
    i > 0
        && chars.get(i - 1).is_some_and(|c| c.is_alphanumeric() || (*c == '_'))
        && !(chars[i - 1] == 'b' && (i < 2 || !chars[i - 2].is_alphanumeric()))
}

/// Copies a string from `i` on, and returns where it ends.
fn string(chars: &[char], mut i: usize, out: &mut String) -> usize {
    let raw = chars[i] == 'r';
    let mut hashes = 0;
    if raw {
        i += 1;
        while chars.get(i) == Some(&'#') {
            hashes += 1;
            i += 1;
        }
        if chars.get(i) != Some(&'"') {
            // `r#name`
            out.push_str("r#");
            return i;
        }
    }
    out.push('"');
    i += 1;
    while let Some(&c) = chars.get(i) {
        if c == '\\' && !raw {
            i += 2;
            continue;
        }
        i += 1;
        if c == '"' && chars[i..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            i += hashes;
            break;
        }
        out.push(if matches!(c, '{' | '}' | ';' | '[' | ']') { ' ' } else { c });
    }
    out.push('"');
    i
}

/// The code without items that are only compiled for tests.
fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(") {
        let Some((condition, behind)) = rest[at..].split_once(']') else { break };
        if !is_test(condition) {
            out.push_str(&rest[..at + condition.len() + 1]);
            rest = behind;
            continue;
        }
        out.push_str(&rest[..at]);
        let item = without_attributes(behind);
        let mut depth = 0;
        let end = item.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0 && matches!(c, '}' | ';')
        });
        rest = end.map_or("", |(end, _)| &item[end + 1..]);
    }
    out.push_str(rest);
    out
}

/// The modules of the library that a file names: `crate::x` (or, from elsewhere, `damfs::x`), also in groups.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let word = |text: &str| words(text.trim_start()).next().unwrap_or_default().to_owned();
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (i, c) in group.char_indices() {
            if start && depth == 0 && !c.is_whitespace() {
                found.insert(word(&group[i..]));
                start = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                _ => {}
            }
        }
    }
    found.remove("");
    found
}

fn rank(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

/// The module of the library that a file belongs to.
fn module(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let name = rest.split('/').next()?;
    Some(name.strip_suffix(".rs").unwrap_or(name)).filter(|m| rank(m).is_some())
}

fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn holding(dirs: &[&str], allowed: impl Fn(&str) -> bool, has: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let found = sources(dirs).into_iter().filter(|s| !allowed(&s.path));
    found.filter_map(|s| has(&s.code).map(|what| format!("{} has `{what}`", s.path))).collect()
}

fn first_of(code: &str, needles: &[&str]) -> Option<String> {
    needles.iter().find(|n| code.contains(**n)).map(|n| (*n).to_owned())
}

/// `prefix` followed by a capital letter: `libc::ENOENT`, not `libc::ino_t`.
fn constant(code: &str, prefix: &str) -> Option<String> {
    let starts = code.match_indices(prefix).map(|(at, _)| &code[at..]);
    starts
        .filter(|s| s[prefix.len()..].starts_with(|c: char| c.is_ascii_uppercase()) && !s.starts_with("libc::EXIT_"))
        .map(|s| s.chars().take_while(|c| c.is_alphanumeric() || matches!(c, ':' | '_')).collect())
        .next()
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    let mut level: BTreeSet<(String, String)> = BTreeSet::new();
    for source in sources(&["src"]) {
        let Some(from) = module(&source.path) else { continue };
        for to in named(&source.code, "crate::") {
            let (Some(low), Some(high)) = (rank(&to), rank(from)) else { continue };
            if low > high {
                wrong.push(format!("{} uses crate::{to}", source.path));
            } else if low == high && low > 0 && to != from {
                level.insert((from.to_owned(), to));
            }
        }
    }
    for (from, to) in &level {
        if from < to && level.contains(&(to.clone(), from.clone())) {
            wrong.push(format!("{from} and {to} use each other"));
        }
    }
    report("an arrow that does not point down", &wrong);
}

#[test]
fn the_policy_knows_nothing_of_ours() {
    report("policy uses damfs", &holding(&["policy/src"], |_| false, |code| named(code, "damfs::").into_iter().next()));
}

#[test]
fn sql_stays_in_one_module() {
    let needles = ["rusqlite", "SELECT ", "INSERT INTO", "DELETE FROM"];
    let here = |path: &str| path.starts_with("src/catalog/sqlite/") || path == "src/catalog/sqlite.rs";
    report(
        "SQL outside src/catalog/sqlite",
        &holding(&["src", "mountd/src", "policy/src"], here, |c| first_of(c, &needles)),
    );
}

#[test]
fn error_numbers_stay_in_one_file() {
    let here = |path: &str| path == "src/fs/error.rs";
    // Two answers are the protocol's, not the filesystem's: "do not ask again" and "no such control".
    let has = |code: &str| {
        let code = code.replace("Errno::ENOSYS", "").replace("Errno::ENOTTY", "");
        constant(&code, "libc::E").or_else(|| constant(&code, "Errno::E"))
    };
    report("errno outside src/fs/error.rs", &holding(&["src", "mountd/src", "policy/src"], here, has));
}

#[test]
fn the_kernel_is_spoken_to_in_one_place() {
    let here = |path: &str| path.starts_with("mountd/src/fuse/") || path == "mountd/src/fuse.rs";
    let has = |code: &str| first_of(code, &["fuser::", "use fuser", "extern crate fuser"]);
    report("fuser outside mountd/src/fuse", &holding(&["src", "mountd/src", "policy/src"], here, has));
}

#[test]
fn the_library_neither_prints_nor_reads_the_environment() {
    let here = |path: &str| path.starts_with("src/cli/") || path.starts_with("src/bin/") || path == "src/main.rs";
    let needles = ["println!", "eprintln!", "print!(", "dbg!", "std::env", "env::var", "env::current_dir"];
    report("printing or the environment", &holding(&["src", "policy/src"], here, |c| first_of(c, &needles)));
}

#[test]
fn time_and_chance_have_one_source() {
    let here = |path: &str| path == "src/clock.rs" || path == "src/rng.rs";
    let needles = ["SystemTime::now", "Timestamp::now", "Zoned::now", "SystemRandom"];
    report(
        "time or chance outside clock.rs and rng.rs",
        &holding(&["src", "policy/src"], here, |c| first_of(c, &needles)),
    );
}

#[test]
fn users_and_groups_are_asked_for_in_one_place() {
    let here = |path: &str| path.starts_with("src/directory/");
    let needles = ["nix::unistd", "getgrouplist", "getpwuid", "getpwnam", "getgrnam", "getgrgid", "getgroups"];
    report(
        "the name service outside src/directory",
        &holding(&["src", "mountd/src", "policy/src"], here, |c| first_of(c, &needles)),
    );
}

/// Cargo joins the features that anybody asks of one version: those of another would give ours the vector code that we leave out, whose bytes differ from
/// processor to processor.
#[test]
fn our_colours_are_converted_by_code_of_our_own_choice() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let of = |package: &str| {
        let found = lock.split("[[package]]").find(|p| p.contains(&format!("name = \"{package}\"\n"))).unwrap();
        let line = found.lines().find(|line| line.trim().starts_with("\"moxcms ")).map(str::trim);
        line.unwrap_or_else(|| panic!("{package}: one version of moxcms serves all, with all features")).to_owned()
    };
    assert_ne!(of("damfs"), of("image"));
    let ours = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(ours.lines().any(|l| l.starts_with("moxcms = ") && l.contains("default-features = false")));
}

#[test]
fn no_file_is_long() {
    let long = sources(&["src", "mountd/src", "policy/src", "tests"]);
    let long: Vec<String> =
        long.iter().filter(|s| s.lines > LONGEST).map(|s| format!("{} has {} lines", s.path, s.lines)).collect();
    report("too long a file", &long);
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = r##"
// crate::cli
/* crate::cli /* nested */ crate::cli */
use crate::{catalog::{Asset, sqlite}, types};
fn f<'a>(x: &'a str) -> char { let _ = "SELECT // not a comment { \" }"; let _ = r#"raw " }"#; '{' }
#[cfg(test)]
#[allow(clippy::x, reason = "tests [")]
mod tests { fn g() { println!("}"); } }
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
#[path = "x_tests.rs"]
mod tests;
#[cfg(not(test))]
fn kept() {}
"##;
    let code = bare(text);
    assert_eq!(test_modules(&code), ["testing", "x_tests"]);
    let code = without_tests(&code);
    assert!(code.contains("SELECT // not a comment") && code.contains("fn kept()"), "{code}");
    assert!(!code.contains("println!") && !code.contains("cli"), "{code}");
    assert_eq!(named(&code, "crate::"), BTreeSet::from(["catalog".to_owned(), "types".to_owned()]));
    assert_eq!(constant("x == libc::ENOENT)", "libc::E").as_deref(), Some("libc::ENOENT"));
    assert_eq!(constant("libc::EXIT_FAILURE", "libc::E"), None);
}
