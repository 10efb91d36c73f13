//! `dam policy`

use std::fs;

use damfs::policy::RoleBook;
use serde_json::json;

use crate::lab::{Lab, text};

/// What an editor does that saves these roles.
fn edit(lab: &Lab, roles: &str) -> (i32, String) {
    let draft = lab.file("draft.toml", roles.as_bytes());
    let mut command = lab.command(&["policy", "edit"]);
    let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

fn with_a_retoucher() -> String {
    format!("{}\n[role.retoucher.allow]\nlist = \"stage=draft\"\nedit = \"stage=draft\"\n", RoleBook::TEMPLATE)
}

#[test]
fn roles_are_edited_compared_and_put_in_force() {
    let lab = Lab::with_two();
    assert_eq!(lab.ok(&["policy", "check"]), "roles: 8\n");
    let (code, said) = edit(&lab, RoleBook::TEMPLATE);
    assert!(code == 0 && said.contains("nothing was changed"), "{said}");
    let draft = lab.file("roles-draft.toml", with_a_retoucher().as_bytes());
    let draft = draft.to_str().unwrap();
    let told = lab.ok(&["policy", "diff", draft]);
    assert!(told.contains("role retoucher (new)\n  gains list: none -> stage=draft\n"), "{told}");
    lab.fails(2, &["member", "add", "rea", "--role", "retoucher"]);
    let (code, said) = edit(&lab, &with_a_retoucher());
    assert!(code == 0 && said.ends_with("version 2 is in force\n"), "{said}");
    lab.ok(&["member", "add", "rea", "--role", "retoucher"]);
    assert!(lab.ok(&["policy", "apply", draft]).contains("version 2 is this text"));
    assert_eq!(lab.ok(&["policy", "show"]), with_a_retoucher());
    assert_eq!(lab.ok(&["policy", "show", "1"]), RoleBook::TEMPLATE);
    let listed = lab.json(&["policy"]);
    assert_eq!((&listed["in_force"], listed["versions"].as_array().unwrap().len()), (&json!(2), 2));
    assert!(lab.ok(&["policy", "list"]).contains("in force"));
    let why = lab.ok(&["why", "library/luna/beach.png"]);
    assert!(why.contains("by version 2 of the policy"), "{why}");
}

#[test]
fn a_mistake_is_told_with_its_line_and_puts_nothing_in_force() {
    let lab = Lab::new();
    let wrong = with_a_retoucher().replace("stage=draft", "stage=darft");
    let (code, said) = edit(&lab, &wrong);
    assert!(code == 1 && said.contains("roles.toml line ") && said.contains("did you mean `draft`?"), "{said}");
    let (_, kept) = said.trim().rsplit_once(' ').unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), wrong);
    fs::remove_file(kept).unwrap();
    let draft = lab.file("wrong.toml", wrong.as_bytes());
    let draft = draft.to_str().unwrap();
    assert!(lab.fails(1, &["policy", "check", draft]).contains("did you mean `draft`?"));
    assert!(lab.fails(2, &["policy", "apply", draft]).contains("did you mean `draft`?"));
    lab.fails(2, &["policy", "diff", draft]);
    assert_eq!(fs::read_to_string(lab.library().join("roles.toml")).unwrap(), RoleBook::TEMPLATE);
    // Written by hand it decides nothing, and no library is kept closed by it.
    fs::write(lab.library().join("roles.toml"), &wrong).unwrap();
    assert!(lab.fails(1, &["policy", "check"]).contains("did you mean `draft`?"));
    assert_eq!(lab.json(&["policy"])["in_force"], json!(1));
    // A file alone can be read without a library.
    let mut command = lab.command(&["policy", "check", draft]);
    let output = command.env_remove("DAM_LIBRARY").output().unwrap();
    assert!(output.status.code() == Some(1) && text(&output.stderr).contains("did you mean `draft`?"));
}

#[test]
fn cases_end_with_1_while_one_is_decided_otherwise() {
    let lab = Lab::new();
    lab.ok(&["policy", "test"]);
    let cases = lab.file("cases.toml", b"[[case]]\nname = \"rea waits\"\nrole = \"retoucher\"\ndeny = [\"list\"]\n");
    let cases = cases.to_str().unwrap();
    assert!(lab.fails(2, &["policy", "test", cases]).contains("unknown role `retoucher`"));
    let draft = lab.file("draft.toml", with_a_retoucher().replace("stage=draft", "*").as_bytes());
    let output = lab.dam(&["policy", "test", cases, "--policy", draft.to_str().unwrap()]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("line 1: rea waits: list is allowed: allowed by role retoucher: list = *"), "{said}");
}
