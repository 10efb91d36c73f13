//! `dam tag`

use std::os::unix::ffi::OsStrExt;

use damfs::fs::OpenMode;

use crate::lab::{Lab, text};

#[test]
fn tags_are_added_and_removed() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "campaigns.summer2024", "library/luna/beach.png", "library/luna/city.png"]);
    assert_eq!(lab.ok(&["find", "tag=campaigns"]).lines().count(), 2);
    lab.ok(&["tag", "remove", "campaigns.summer2024", "library/luna/city.png"]);
    assert_eq!(lab.ok(&["find", "tag=campaigns.summer2024"]), "library/luna/beach.png\n");
    assert_eq!(lab.ok(&["tag", "remove", "never", "library/luna/city.png"]), "changed 0, as it was 1\n");
}

#[test]
fn a_tag_with_an_empty_level_is_usage() {
    let lab = Lab::with_two();
    lab.fails(2, &["tag", "add", "a..b", "library/luna/city.png"]);
    lab.fails(2, &["tag", "add", "", "library/luna/city.png"]);
    lab.fails(2, &["tag", "add", "x"]);
}

const BEACH: &str = "library/luna/beach.png";
const CITY: &str = "library/luna/city.png";

/// Runs with this on its standard input and gives what it printed.
fn fed(lab: &Lab, args: &[&str], input: &[u8]) -> (bool, String) {
    let mut command = assert_cmd::Command::from_std(lab.command(args));
    let out = command.write_stdin(input).output().unwrap();
    (out.status.success(), format!("{}{}", text(&out.stdout), text(&out.stderr)))
}

#[test]
fn a_query_a_file_and_a_pipe_name_assets() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["tag", "add", "a", "--query", "persona=luna", BEACH]), "changed 2, as it was 0\n");
    lab.file("names", format!("{BEACH}\n\n{BEACH}\n").as_bytes());
    assert_eq!(lab.ok(&["tag", "add", "b", "--files-from", "names"]), "changed 1, as it was 0\n");
    let found = lab.ok(&["find", "-0", "tag=a"]);
    assert_eq!(fed(&lab, &["tag", "add", "c", "-0"], found.as_bytes()), (true, "changed 2, as it was 0\n".into()));
    assert_eq!(fed(&lab, &["set", "-0", "rating=safe"], found.as_bytes()), (true, "changed 2, as it was 0\n".into()));
    let lines = format!("{BEACH}\n{CITY}");
    let removed = fed(&lab, &["tag", "remove", "c", "--files-from", "-"], lines.as_bytes());
    assert_eq!(removed, (true, "changed 2, as it was 0\n".into()), "the last line needs no end");
    assert_eq!(fed(&lab, &["tag", "add", "d", "-0"], b""), (true, "changed 0, as it was 0\n".into()));
}

#[test]
fn a_name_that_is_no_text_is_found_again() {
    let lab = Lab::new();
    let odd = std::path::Path::new(std::ffi::OsStr::from_bytes(b"odd\xff.png"));
    lab.in_mount("library/x.png", |mount, caller, folder, _| {
        let (_, made) =
            mount.create(caller, folder, odd.as_os_str(), 0o644, OpenMode { write: true, ..OpenMode::default() })?;
        mount.write(caller, made.fh, 0, b"bytes", false)?;
        mount.release(caller, made.fh)
    });
    let found = lab.dam(&["find", "-0", "kind=other"]).stdout;
    assert_eq!(found, b"library/odd\xff.png\0");
    assert_eq!(fed(&lab, &["tag", "add", "odd", "-0"], &found), (true, "changed 1, as it was 0\n".into()));
}

#[test]
fn all_or_none_and_each_that_is_missing_is_told() {
    let lab = Lab::with_two();
    let names: String = (0..25).map(|n| format!("library/luna/{n}.png\n")).collect();
    let (done, said) = fed(&lab, &["tag", "add", "x", BEACH, "--files-from", "-"], names.as_bytes());
    assert!(!done && said.contains("25 of 26") && said.contains("`library/luna/19.png`"), "{said}");
    assert!(said.contains("and 5 more") && !said.contains("20.png"), "{said}");
    assert_eq!(lab.json(&["show", BEACH])["tag"], serde_json::json!([]));
    assert_eq!(lab.dam(&["tag", "add", "x", BEACH, "library/none.png"]).status.code(), Some(3));
}

#[test]
fn a_dry_run_tells_which_and_changes_nothing() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "x", CITY]);
    let said = lab.ok(&["tag", "add", "x", "--query", "persona=luna", "--dry-run"]);
    assert_eq!(said, format!("{BEACH}\nwould change 1, as it is 1\n"));
    assert_eq!(lab.ok(&["set", "-n", "rating=safe", BEACH]), format!("{BEACH}\nwould change 1, as it is 0\n"));
    assert_eq!(lab.json(&["show", BEACH])["tag"], serde_json::json!([]));
    assert!(lab.ok(&["undo"]).starts_with("turn") && lab.ok(&["find", "persona=luna,tag=none"]).lines().count() == 2);
}

#[test]
fn one_call_is_taken_back_whole() {
    let lab = Lab::with_two();
    lab.ok(&["tag", "add", "x", "--query", "persona=luna"]);
    assert_eq!(lab.ok(&["find", "tag=x"]).lines().count(), 2);
    lab.ok(&["undo"]);
    assert_eq!(lab.ok(&["find", "persona=luna,tag=none"]).lines().count(), 2);
}
