//! Every command has help with an example; the exit codes are in one table.

use crate::lab::{Lab, text};

const COMMANDS: [&[&str]; 58] = [
    &["audit", "sign-off"],
    &["evidence"],
    &["evidence", "verify"],
    &["evidence", "key"],
    &["review", "approve"],
    &["review", "screen"],
    &["takedown"],
    &["workflow", "edit"],
    &["alerts", "check"],
    &["guideline", "stale"],
    &["init"],
    &["import"],
    &["mount"],
    &["unmount"],
    &["status"],
    &["find"],
    &["scout"],
    &["show"],
    &["versions"],
    &["similar"],
    &["diff"],
    &["thin"],
    &["audit", "access"],
    &["audit", "metadata"],
    &["glossary", "list"],
    &["glossary", "check"],
    &["glossary", "edit"],
    &["policy", "list"],
    &["policy", "show"],
    &["policy", "check"],
    &["policy", "diff"],
    &["policy", "apply"],
    &["policy", "edit"],
    &["policy", "test"],
    &["spec", "list"],
    &["spec", "check"],
    &["spec", "review"],
    &["spec", "edit"],
    &["thumbs"],
    &["restore"],
    &["meta", "diff"],
    &["meta", "resolve"],
    &["records", "export"],
    &["records", "import"],
    &["undo"],
    &["set"],
    &["tag", "add"],
    &["tag", "remove"],
    &["settle"],
    &["fsck"],
    &["member", "add"],
    &["member", "set"],
    &["member", "remove"],
    &["member", "offboard"],
    &["member", "list"],
    &["why"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_has_help_with_an_example() {
    let lab = Lab::empty();
    for command in COMMANDS {
        let mut args = command.to_vec();
        args.push("--help");
        let help = lab.ok(&args);
        assert!(help.contains("Example:"), "{command:?} has no example:\n{help}");
        assert!(help.contains("--json"), "{command:?}");
    }
}

#[test]
fn the_exit_codes_are_one_table() {
    let help = Lab::empty().ok(&["--help"]);
    for line in ["0  done", "1  failed", "2  wrong usage", "3  not found", "4  refused by policy"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn a_wrong_command_is_usage() {
    let lab = Lab::empty();
    assert!(lab.fails(2, &["improt"]).contains("import"));
    lab.fails(2, &[]);
}

#[test]
fn without_a_library_every_command_says_how_to_name_one() {
    let lab = Lab::empty();
    let mut command = assert_cmd::Command::cargo_bin("dam").unwrap();
    let out =
        command.args(["find", "persona=luna"]).env_remove("DAM_LIBRARY").current_dir(lab.path("")).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("DAM_LIBRARY"));
}

#[test]
fn a_folder_that_is_no_library_is_not_found() {
    let lab = Lab::empty();
    let said = lab.fails(3, &["find", "persona=luna"]);
    assert!(said.contains("dam init"), "{said}");
}

#[test]
fn status_without_mounts_of_the_library_is_an_empty_list() {
    let lab = Lab::new();
    let library = lab.library();
    assert_eq!(lab.json(&["status", "--library", library.to_str().unwrap()])["mounts"], serde_json::json!([]));
    lab.fails(3, &["status", "--library", "nowhere"]);
}

#[test]
fn completions_and_manual_are_made_from_the_definition() {
    let lab = Lab::empty();
    assert!(lab.ok(&["completions", "bash"]).contains("unmount"));
    assert!(lab.ok(&["man"]).contains(".TH dam 1"));
}
