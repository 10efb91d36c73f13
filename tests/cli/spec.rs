//! `dam spec`

use damfs::policy::Platforms;
use serde_json::json;

use crate::lab::{Lab, text};

/// What an editor does that saves this sheet.
fn edit(lab: &Lab, sheet: &str) -> (i32, String) {
    let draft = lab.file("draft.csv", sheet.as_bytes());
    let mut command = lab.command(&["spec", "edit"]);
    let output = command.env("VISUAL", format!("cp '{}'", draft.display())).output().unwrap();
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_library_is_made_with_a_table_that_an_editor_changes() {
    let lab = Lab::new();
    assert_eq!(std::fs::read_to_string(lab.library().join("platforms.csv")).unwrap(), Platforms::TEMPLATE);
    assert_eq!(lab.ok(&["spec", "check"]), "rows: 82\n");
    assert!(lab.ok(&["spec"]).contains("1080x1350"));
    let (code, said) = edit(&lab, Platforms::TEMPLATE);
    assert!(code == 0 && said.contains("nothing was changed"), "{said}");
    // As LibreOffice saves it in a country that writes commas in its numbers.
    let sheet =
        format!("\u{feff}{}", Platforms::TEMPLATE.replace("post_square,image,1080,1080", "post_square,image,900,900"));
    let (code, said) = edit(&lab, &sheet.replace('\n', "\r\n"));
    assert!(code == 0 && said == "changed: instagram/post_square\n", "{said}");
    let listed = lab.json(&["spec", "list", "--platform", "instagram"]);
    assert_eq!((&listed["rows"][0]["width"], &listed["rows"][0]["fit"]), (&json!(900), &json!("crop")));
    assert!(listed["rows"][0]["since"].is_string() && listed["rows"][1]["since"].is_null());
    assert!(lab.fails(2, &["spec", "list", "--platform", "instagrm"]).contains("instagram"));
}

#[test]
fn a_mistake_is_told_by_row_and_column_and_put_in_by_no_editor() {
    let lab = Lab::new();
    let wrong = Platforms::TEMPLATE.replacen(",crop,", ",corp,", 2).replacen(",8000000,", ",8MB,", 1);
    let (code, said) = edit(&lab, &wrong);
    assert!(code == 1 && said.contains("row 2, column fit") && said.contains("(and 2 more)"), "{said}");
    let (_, kept) = said.trim().rsplit_once(' ').unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), wrong);
    std::fs::remove_file(kept).unwrap();
    let draft = lab.file("draft.csv", wrong.as_bytes());
    let told = lab.fails(1, &["spec", "check", draft.to_str().unwrap()]);
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(told.contains("row 2, column max_bytes: `8MB` is no whole number"), "{told}");
    let output = lab.dam(&["spec", "check", "--json", draft.to_str().unwrap()]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["faults"][0]["row"], &told["faults"][0]["column"]), (&json!(2), &json!("fit")));
    // Written by hand the table before it stays in force.
    std::fs::write(lab.library().join("platforms.csv"), &wrong).unwrap();
    assert_eq!(lab.json(&["spec", "list", "--platform", "instagram"])["rows"][0]["fit"], json!("crop"));
    lab.fails(1, &["spec", "check"]);
}

#[test]
fn a_review_ends_with_1_while_a_row_is_due() {
    let lab = Lab::new();
    let looked = Platforms::TEMPLATE.replace("2026-11-23", "9999-12-31");
    edit(&lab, &looked);
    assert!(text(&lab.dam(&["spec", "review"]).stderr).contains("within 92 days"));
    assert_eq!(lab.json(&["spec", "review"])["rows"], json!([]));
    let never = looked.replacen("9999-12-31", "2001-01-01", 1);
    let (before, last) = never.rsplit_once(",9999-12-31").unwrap();
    edit(&lab, &format!("{before},{last}"));
    let due = lab.dam(&["spec", "review"]);
    assert_eq!(due.status.code(), Some(1));
    let said = text(&due.stdout);
    assert!(said.contains("post_square") && said.contains("2001-01-01") && said.contains("gotosocial"), "{said}");
    assert!(!said.contains("post_portrait_4x5") && said.contains("http"), "{said}");
}
